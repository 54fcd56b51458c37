// Schemas: parsed and checked by the core, handed to JavaScript once as plain tables.
#include <cstring>
#include <vector>

#include "args.hpp"
#include "box.hpp"
#include "exports.hpp"

namespace polybus_js {
namespace {

using SchemaBox = Box<polybus_schema>;

Napi::Value wrap_schema(Napi::Env env, polybus_schema* schema) {
  return SchemaBox::wrap(env, schema, polybus_schema_release);
}

// The file's or a struct's constants as a type, null if there are none.
Napi::Value constants_of(Napi::Env env, const polybus_schema_file* file, const char* scope) {
  polybus_error error{};
  polybus_schema* constants = nullptr;
  const int code = polybus_schema_file_constants(file, scope, &constants, &error);
  if (code == POLYBUS_EMPTY) return env.Null();
  check(env, code, error);
  return wrap_schema(env, constants);
}

// [["", null, constants], ["Imu", schema, constants], ["Imu.Pose", schema, constants], …]
Napi::Value parse(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string path = text_at(info, 0);
  auto given = info[1].As<Napi::Array>();
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < given.Length(); ++i) paths.push_back(given.Get(i).As<Napi::String>().Utf8Value());
  std::vector<const char*> pointers;
  for (const std::string& folder : paths) pointers.push_back(folder.c_str());

  polybus_error error{};
  polybus_schema_file* opened = nullptr;
  check(env, polybus_schema_file_parse(path.c_str(), pointers.data(), pointers.size(), &opened, &error), error);
  const std::shared_ptr<polybus_schema_file> file(opened, polybus_schema_file_close);
  Napi::Array found = Napi::Array::New(env);
  Napi::Array whole = Napi::Array::New(env, 3);
  whole.Set(2U, constants_of(env, file.get(), ""));
  whole.Set(1U, env.Null());
  whole.Set(0U, "");
  found.Set(0U, whole);
  for (size_t i = 0; i < polybus_schema_file_count(file.get()); ++i) {
    const char* name = polybus_schema_file_name(file.get(), i);
    polybus_schema* schema = nullptr;
    check(env, polybus_schema_file_get(file.get(), name, &schema, &error), error);
    Napi::Array entry = Napi::Array::New(env, 3);
    entry.Set(2U, constants_of(env, file.get(), name));
    entry.Set(1U, wrap_schema(env, schema));
    entry.Set(0U, Napi::String::New(env, name));
    found.Set(found.Length(), entry);
  }
  return found;
}

Napi::Value from_bundle(const Napi::CallbackInfo& info) {
  const Bytes bundle = bytes_at(info, 0);
  polybus_error error{};
  polybus_schema* schema = nullptr;
  check(info.Env(), polybus_schema_from_bundle(bundle.data, bundle.size, &schema, &error), error);
  return wrap_schema(info.Env(), schema);
}

Napi::Value bundle(const Napi::CallbackInfo& info) {
  size_t size = 0;
  const void* data = polybus_schema_bundle(SchemaBox::in(info).get(info.Env()), &size);
  auto copy = Napi::Uint8Array::New(info.Env(), size);
  std::memcpy(copy.Data(), data, size);
  return copy;
}

// The first eight bytes of the fingerprint, as samples carry them.
uint64_t prefix_of(const char* fingerprint) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; ++i) {
    const char digits[3] = {fingerprint[2 * i], fingerprint[2 * i + 1], '\0'};
    bytes[i] = static_cast<uint8_t>(std::strtoul(digits, nullptr, 16));
  }
  uint64_t prefix = 0;
  std::memcpy(&prefix, bytes, sizeof prefix);
  return prefix;
}

Napi::Value info_of(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const polybus_schema* schema = SchemaBox::in(info).get(env);
  Napi::Object result = Napi::Object::New(env);
  result.Set("typeName", polybus_schema_type_name(schema));
  result.Set("fingerprint", polybus_schema_fingerprint(schema));
  result.Set("prefix", big(env, prefix_of(polybus_schema_fingerprint(schema))));
  result.Set("id", big(env, polybus_schema_id(schema)));
  return result;
}

Napi::Value field_table(Napi::Env env, const polybus_field& field) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("name", field.name);
  result.Set("kind", field.type.kind);
  result.Set("listDepth", field.type.list_depth);
  result.Set("index", field.type.index);
  result.Set("isGroup", Napi::Boolean::New(env, field.is_group != 0));
  result.Set("discriminant", field.discriminant);
  result.Set("bitOffset", field.bit_offset);
  result.Set("pointerIndex", field.pointer_index);
  result.Set("defaultBits", big(env, field.default_bits));
  if (field.default_frame == nullptr) {
    result.Set("defaultFrame", env.Null());
  } else {
    auto frame = Napi::Uint8Array::New(env, field.default_frame_size);
    std::memcpy(frame.Data(), field.default_frame, field.default_frame_size);
    result.Set("defaultFrame", frame);
  }
  return result;
}

Napi::Value struct_table(Napi::Env env, const polybus_struct_info& info) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("name", info.name);
  result.Set("id", big(env, info.id));
  result.Set("unionFieldCount", info.union_field_count);
  result.Set("unionBitOffset", info.union_bit_offset);
  result.Set("dataWords", info.data_words);
  result.Set("pointerCount", info.pointer_count);
  result.Set("isGroup", Napi::Boolean::New(env, info.is_group != 0));
  Napi::Array fields = Napi::Array::New(env, info.field_count);
  for (uint32_t i = 0; i < info.field_count; ++i) fields.Set(i, field_table(env, info.fields[i]));
  result.Set("fields", fields);
  return result;
}

Napi::Value enum_table(Napi::Env env, const polybus_enum_info& info) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("name", info.name);
  Napi::Array names = Napi::Array::New(env, info.enumerant_count);
  for (uint32_t i = 0; i < info.enumerant_count; ++i) names.Set(i, Napi::String::New(env, info.enumerants[i]));
  result.Set("enumerants", names);
  return result;
}

Napi::Value tables(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const polybus_schema* schema = SchemaBox::in(info).get(env);
  size_t count = 0;
  const polybus_struct_info* struct_infos = polybus_schema_structs(schema, &count);
  Napi::Array structs = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; ++i) structs.Set(i, struct_table(env, struct_infos[i]));
  const polybus_enum_info* enum_infos = polybus_schema_enums(schema, &count);
  Napi::Array enums = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; ++i) enums.Set(i, enum_table(env, enum_infos[i]));
  Napi::Object result = Napi::Object::New(env);
  result.Set("structs", structs);
  result.Set("enums", enums);
  return result;
}

// The core's own JSON of a message, to hold ours against it in tests.
Napi::Value message_json(const Napi::CallbackInfo& info) {
  const Bytes message = bytes_at(info, 1);
  polybus_error error{};
  char* json = nullptr;
  check(info.Env(),
        polybus_message_to_json(SchemaBox::in(info).get(info.Env()), message.data, message.size, &json, &error), error);
  const std::shared_ptr<char> owned(json, polybus_free);
  return Napi::String::New(info.Env(), json);
}

}  // namespace

void export_schemas(Napi::Env env, Napi::Object exports) {
  add(env, exports, "schemaParse", parse);
  add(env, exports, "schemaFromBundle", from_bundle);
  add(env, exports, "schemaBundle", bundle);
  add(env, exports, "schemaInfo", info_of);
  add(env, exports, "schemaTables", tables);
  add(env, exports, "schemaMessageJson", message_json);
}

}  // namespace polybus_js

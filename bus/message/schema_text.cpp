#include "bus/message/schema_text.hpp"

#include <capnp/dynamic.h>
#include <capnp/schema.capnp.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <polybus/error.hpp>
#include <vector>

#include "bus/message/closure.hpp"
#include "bus/message/declarations.hpp"
#include "bus/message/kj_errors.hpp"
#include "bus/message/schema_state.hpp"

namespace polybus::bus {
namespace {

namespace schema = capnp::schema;
using capnp::StructSchema;

constexpr uint64_t kFileIdBit = 1ull << 63;  // what makes a number one that can stand behind the @ of a file

std::string id_text(uint64_t id) { return std::string("@0x") + kj::str(kj::hex(id)).cStr(); }

template <typename T>
std::string float_text(T value) {
  if (std::isnan(value)) return "nan";  // there is no word for another one
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value);
  const std::string number(text, end.ptr);  // "inf", "-inf" and "nan" are Cap'n Proto's words, too
  return number.find_first_of(".en") == std::string::npos ? number + ".0" : number;  // an integer has no -0
}

std::string hex_data(capnp::Data::Reader data) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "0x\"";
  for (const auto byte : data) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text + "\"";
}

std::vector<StructSchema::Field> in_source_order(const StructSchema& type) {
  std::vector<StructSchema::Field> fields;
  for (auto field : type.getFields()) fields.push_back(field);
  std::ranges::stable_sort(fields, {}, [](const auto& field) { return field.getProto().getCodeOrder(); });
  return fields;
}

bool is_in_union(const StructSchema::Field& field) {
  return field.getProto().getDiscriminantValue() != schema::Field::NO_DISCRIMINANT;
}

// What kj::str() would say, but floats as above: it writes -0.0 as an integer.
std::string dynamic_text(const capnp::DynamicValue::Reader& value, const capnp::Type& type) {
  const auto separated = [](std::string& text, const std::string& member) {
    text += (text.empty() ? "" : ", ") + member;
  };
  std::string text;
  if (value.getType() == capnp::DynamicValue::FLOAT)
    return type.isFloat32() ? float_text(value.as<float>()) : float_text(value.as<double>());
  if (value.getType() == capnp::DynamicValue::LIST) {
    for (const auto element : value.as<capnp::DynamicList>())
      separated(text, dynamic_text(element, type.asList().getElementType()));
    return "[" + text + "]";
  }
  if (value.getType() != capnp::DynamicValue::STRUCT) return kj::str(value).cStr();
  const auto members = value.as<capnp::DynamicStruct>();
  const auto active = members.which();
  for (const auto& field : members.getSchema().getFields()) {
    if (is_in_union(field)) {
      // The first alternative is there anyway. Null in another one cannot be said; its default comes nearest.
      if (active == nullptr || KJ_ASSERT_NONNULL(active) != field) continue;
      if (field.getProto().getDiscriminantValue() == 0 && !members.has(field)) continue;
    } else if (!members.has(field)) {
      continue;
    }
    separated(text, std::string(field.getProto().getName().cStr()) + " = " +
                        dynamic_text(members.get(field), field.getType()));
  }
  return "(" + text + ")";
}

class Writer {
 public:
  explicit Writer(const Declarations& declarations) : declarations_(declarations) {}

  std::string run(uint64_t file_id) {
    line(id_text(file_id | kFileIdBit) + ";");
    for (const auto& declaration : declarations_.file().inner) {
      text_ += '\n';
      write(*declaration);
    }
    return std::move(text_);
  }

 private:
  static constexpr int kDepthMax = 64;

  void line(const std::string& content) {
    text_ += std::string(static_cast<size_t>(indent_) * 2, ' ') + content + "\n";
  }
  void open(const std::string& head) {
    line(head + " {");
    if (++indent_ > kDepthMax) throw Error(Code::bad_schema, "schema: groups or scopes nest too deeply");
  }
  void close() {
    --indent_;
    line("}");
  }

  // ---- declarations

  void write(const Declaration& declaration) {
    const std::string head =
        declaration.name + (declaration.id != 0 ? " " + id_text(declaration.id) : "") + parameters_of(declaration);
    const auto proto = declaration.type.getProto();
    if (!declaration.is_scope_only && proto.isEnum()) {
      open("enum " + head);
      write_enumerants(proto.getEnum());
    } else if (!declaration.is_scope_only && proto.isInterface()) {
      open("interface " + head);
    } else {
      open("struct " + head);
      if (!declaration.is_scope_only) write_fields(declaration.type.asStruct());
    }
    for (const auto& inner : declaration.inner) write(*inner);
    close();
  }

  std::string parameters_of(const Declaration& declaration) const {
    const uint32_t count =
        declaration.is_scope_only ? declaration.scope_parameters : declaration.type.getProto().getParameters().size();
    std::string text;
    for (uint32_t i = 0; i < count; ++i)
      text += (i == 0 ? " (" : ", ") + declarations_.parameter_name(declaration.id, i);
    return text.empty() ? "" : text + ")";
  }

  void write_enumerants(schema::Node::Enum::Reader type) {
    struct Enumerant {
      uint16_t code_order;
      std::string text;
    };
    std::vector<Enumerant> enumerants;
    for (const auto enumerant : type.getEnumerants())
      enumerants.push_back({enumerant.getCodeOrder(),
                            std::string(enumerant.getName().cStr()) + " @" + std::to_string(enumerants.size()) + ";"});
    std::ranges::stable_sort(enumerants, {}, &Enumerant::code_order);
    for (const auto& enumerant : enumerants) line(enumerant.text);
  }

  // ---- fields

  void write_fields(const StructSchema& type) {
    bool union_is_written = false;
    for (const auto& field : in_source_order(type)) {
      if (!is_in_union(field)) {
        write(field);
      } else if (!std::exchange(union_is_written, true)) {
        open("union");
        write_alternatives(type);
        close();
      }
    }
  }

  void write_alternatives(const StructSchema& type) {
    for (const auto& field : in_source_order(type))
      if (is_in_union(field)) write(field);
  }

  void write(const StructSchema::Field& field) {
    const auto proto = field.getProto();
    const std::string name = proto.getName().cStr();
    if (proto.isGroup()) return write_group(field);
    const auto slot = proto.getSlot();
    const std::string type = type_text(slot.getType());
    const std::string value =
        slot.getHadExplicitDefault() ? " = " + value_text(field.getType(), slot.getDefaultValue()) : "";
    // ":." would be one word to the compiler.
    line(name + " @" + std::to_string(proto.getOrdinal().getExplicit()) + (type.starts_with('.') ? " : " : " :") +
         type + value + ";");
  }

  // A named union is a group that has nothing else in it.
  void write_group(const StructSchema::Field& field) {
    const auto group = field.getType().asStruct();
    const auto fields = in_source_order(group);
    const bool is_union = !fields.empty() && std::ranges::all_of(fields, is_in_union);
    const auto ordinal = field.getProto().getOrdinal();
    // Older sources number their unions, which decides where the discriminant lies.
    const std::string number = ordinal.isExplicit() ? " @" + std::to_string(ordinal.getExplicit()) + "!" : "";
    open(field.getProto().getName().cStr() + number + (is_union ? " :union" : " :group"));
    if (is_union)
      write_alternatives(group);
    else
      write_fields(group);
    close();
  }

  // ---- types

  std::string type_text(schema::Type::Reader type) const {
    switch (type.which()) {
      case schema::Type::VOID: return "Void";
      case schema::Type::BOOL: return "Bool";
      case schema::Type::INT8: return "Int8";
      case schema::Type::INT16: return "Int16";
      case schema::Type::INT32: return "Int32";
      case schema::Type::INT64: return "Int64";
      case schema::Type::UINT8: return "UInt8";
      case schema::Type::UINT16: return "UInt16";
      case schema::Type::UINT32: return "UInt32";
      case schema::Type::UINT64: return "UInt64";
      case schema::Type::FLOAT32: return "Float32";
      case schema::Type::FLOAT64: return "Float64";
      case schema::Type::TEXT: return "Text";
      case schema::Type::DATA: return "Data";
      case schema::Type::LIST: return "List(" + type_text(type.getList().getElementType()) + ")";
      case schema::Type::ENUM: return path_text(type.getEnum().getTypeId(), type.getEnum().getBrand());
      case schema::Type::STRUCT: return path_text(type.getStruct().getTypeId(), type.getStruct().getBrand());
      case schema::Type::INTERFACE: return path_text(type.getInterface().getTypeId(), type.getInterface().getBrand());
      case schema::Type::ANY_POINTER: return any_text(type.getAnyPointer());
    }
    throw Error(Code::bad_schema, "schema: a type of an unknown kind");
  }

  std::string any_text(schema::Type::AnyPointer::Reader type) const {
    if (type.isParameter())
      return declarations_.parameter_name(type.getParameter().getScopeId(), type.getParameter().getParameterIndex());
    if (type.isUnconstrained() && type.getUnconstrained().isStruct()) return "AnyStruct";
    if (type.isUnconstrained() && type.getUnconstrained().isList()) return "AnyList";
    if (type.isUnconstrained() && type.getUnconstrained().isCapability()) return "Capability";
    return "AnyPointer";
  }

  // "Outer(Text).Inner". In a scope that hands on its own arguments: "Inner", as one writes it there.
  std::string path_text(uint64_t id, schema::Brand::Reader brand) const {
    const auto& path = declarations_.path_of(id);
    if (path.empty()) throw Error(Code::bad_schema, "schema: the type " + id_text(id) + " is not in it");
    std::string text = declarations_.is_ambiguous(path[0]->name) ? "." : "";
    for (size_t i = 0; i < path.size(); ++i) {
      text += path[i]->name;
      for (const auto scope : brand.getScopes()) {
        if (path[i]->id == 0 || scope.getScopeId() != path[i]->id) continue;
        if (scope.isBind()) text += arguments_text(scope.getBind());
        if (scope.isInherit() && i + 1 < path.size()) text.clear();
      }
      if (i + 1 < path.size() && !text.empty()) text += '.';
    }
    return text;
  }

  std::string arguments_text(capnp::List<schema::Brand::Binding>::Reader bindings) const {
    std::string text;
    for (const auto binding : bindings)
      text += (text.empty() ? "" : ", ") + (binding.isType() ? type_text(binding.getType()) : "AnyPointer");
    return text.empty() ? "" : "(" + text + ")";
  }

  // ---- defaults

  std::string value_text(const capnp::Type& type, schema::Value::Reader value) const {
    switch (value.which()) {
      case schema::Value::VOID: return "void";
      case schema::Value::BOOL: return value.getBool() ? "true" : "false";
      case schema::Value::INT8: return std::to_string(value.getInt8());
      case schema::Value::INT16: return std::to_string(value.getInt16());
      case schema::Value::INT32: return std::to_string(value.getInt32());
      case schema::Value::INT64: return std::to_string(value.getInt64());
      case schema::Value::UINT8: return std::to_string(value.getUint8());
      case schema::Value::UINT16: return std::to_string(value.getUint16());
      case schema::Value::UINT32: return std::to_string(value.getUint32());
      case schema::Value::UINT64: return std::to_string(value.getUint64());
      case schema::Value::FLOAT32: return float_text(value.getFloat32());
      case schema::Value::FLOAT64: return float_text(value.getFloat64());
      case schema::Value::TEXT: return kj::str(capnp::DynamicValue::Reader(value.getText())).cStr();
      case schema::Value::DATA: return hex_data(value.getData());
      case schema::Value::ENUM: return kj::str(capnp::DynamicEnum(type.asEnum(), value.getEnum())).cStr();
      case schema::Value::LIST: return dynamic_text(value.getList().getAs<capnp::DynamicList>(type.asList()), type);
      case schema::Value::STRUCT:
        return dynamic_text(value.getStruct().getAs<capnp::DynamicStruct>(type.asStruct()), type);
      default: throw Error(Code::bad_schema, "schema: a default that cannot be written down");
    }
  }

  const Declarations& declarations_;
  std::string text_;
  int indent_ = 0;
};

}  // namespace

std::string schema_text(const Schema& schema) {
  return translate_kj(Code::bad_schema, "schema: ", [&] {
    const auto root = schema.struct_schema();
    const Declarations declarations(closure_of(root));
    // The file's own id, where the root tells it.
    const bool is_outermost = declarations.path_of(schema.id()).size() == 1;
    return Writer(declarations).run(is_outermost ? root.getProto().getScopeId() : schema.fingerprint_prefix());
  });
}

std::string root_name(const Schema& schema) { return schema.type_name().substr(schema.type_name().find(':') + 1); }

}  // namespace polybus::bus

#include "bus/message/field_table.hpp"

#include <capnp/any.h>
#include <capnp/dynamic.h>
#include <capnp/schema.capnp.h>
#include <capnp/serialize.h>

#include <algorithm>
#include <bit>
#include <polybus/error.hpp>
#include <unordered_map>

#include "bus/message/kj_errors.hpp"

namespace polybus::bus {
namespace {

namespace schema = capnp::schema;
using capnp::EnumSchema;
using capnp::StructSchema;

struct SchemaHash {
  size_t operator()(const capnp::Schema& type) const { return type.hashCode(); }
};

std::string name_of(capnp::Schema type) {
  auto text = type.getProto().getDisplayName();
  std::string_view name(text.begin(), text.size());
  size_t colon = name.find(':');
  return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
}

Kind scalar_kind(schema::Type::Which which) {
  switch (which) {
    case schema::Type::VOID: return Kind::void_;
    case schema::Type::BOOL: return Kind::bool_;
    case schema::Type::INT8: return Kind::int8;
    case schema::Type::INT16: return Kind::int16;
    case schema::Type::INT32: return Kind::int32;
    case schema::Type::INT64: return Kind::int64;
    case schema::Type::UINT8: return Kind::uint8;
    case schema::Type::UINT16: return Kind::uint16;
    case schema::Type::UINT32: return Kind::uint32;
    case schema::Type::UINT64: return Kind::uint64;
    case schema::Type::FLOAT32: return Kind::float32;
    case schema::Type::FLOAT64: return Kind::float64;
    case schema::Type::TEXT: return Kind::text;
    case schema::Type::DATA: return Kind::data;
    default: return Kind::any;
  }
}

// The value a slot has when its bits are zero, as the bits it is stored with.
uint64_t default_bits_of(schema::Value::Reader value) {
  switch (value.which()) {
    case schema::Value::BOOL: return value.getBool() ? 1 : 0;
    case schema::Value::INT8: return static_cast<uint8_t>(value.getInt8());
    case schema::Value::INT16: return static_cast<uint16_t>(value.getInt16());
    case schema::Value::INT32: return static_cast<uint32_t>(value.getInt32());
    case schema::Value::INT64: return static_cast<uint64_t>(value.getInt64());
    case schema::Value::UINT8: return value.getUint8();
    case schema::Value::UINT16: return value.getUint16();
    case schema::Value::UINT32: return value.getUint32();
    case schema::Value::UINT64: return value.getUint64();
    case schema::Value::FLOAT32: return std::bit_cast<uint32_t>(value.getFloat32());
    case schema::Value::FLOAT64: return std::bit_cast<uint64_t>(value.getFloat64());
    case schema::Value::ENUM: return value.getEnum();
    default: return 0;
  }
}

kj::Array<capnp::word> default_frame_of(schema::Value::Reader value) {
  capnp::MallocMessageBuilder message(64);
  auto root = message.getRoot<capnp::AnyPointer>().initAsAnyStruct(0, 1);
  auto pointer = root.getPointerSection()[0];
  switch (value.which()) {
    case schema::Value::TEXT:
      if (value.getText().size() > 0) pointer.setAs<capnp::Text>(value.getText());
      break;
    case schema::Value::DATA:
      if (value.getData().size() > 0) pointer.setAs<capnp::Data>(value.getData());
      break;
    case schema::Value::LIST: pointer.set(value.getList()); break;
    case schema::Value::STRUCT: pointer.set(value.getStruct()); break;
    case schema::Value::ANY_POINTER: pointer.set(value.getAnyPointer()); break;
    default: break;
  }
  if (pointer.isNull()) return nullptr;
  return capnp::messageToFlatArray(message);
}

class Builder {
 public:
  FieldTable run(StructSchema root) {
    index_of(root);
    // structs_ grows while it is worked off; entries are moved in whole, so that no reference is held across.
    for (size_t i = 0; i < structs_.size(); ++i) table_.structs.push_back(make_struct(structs_[i]));
    return std::move(table_);
  }

 private:
  // A generic type may use itself with ever deeper arguments: beyond so many uses it is read without arguments.
  static constexpr size_t kUsesPerTypeMax = 32;
  static constexpr size_t kStructsMax = 1u << 16;

  int32_t index_of(StructSchema type) {
    auto known = struct_index_.find(type);
    if (known != struct_index_.end()) return known->second;
    if (type.isBranded() && ++uses_[type.getProto().getId()] > kUsesPerTypeMax) {
      return index_of(type.getGeneric().asStruct());
    }
    if (structs_.size() >= kStructsMax) throw Error(Code::bad_schema, "schema: more than 65536 struct types");
    auto index = static_cast<int32_t>(structs_.size());
    struct_index_.emplace(type, index);
    structs_.push_back(type);
    return index;
  }

  int32_t index_of(EnumSchema type) {
    auto [known, is_new] = enum_index_.emplace(type, static_cast<int32_t>(table_.enums.size()));
    if (is_new) {
      EnumEntry entry{name_of(type), type.getProto().getId(), {}};
      for (auto enumerant : type.getEnumerants()) entry.enumerants.emplace_back(enumerant.getProto().getName().cStr());
      table_.enums.push_back(std::move(entry));
    }
    return known->second;
  }

  TypeRef type_ref(capnp::Type type) {
    TypeRef ref;
    while (type.isList()) {
      type = type.asList().getElementType();
      ++ref.list_depth;
    }
    if (type.isStruct()) {
      ref.kind = Kind::struct_;
      ref.index = index_of(type.asStruct());
    } else if (type.isEnum()) {
      ref.kind = Kind::enum_;
      ref.index = index_of(type.asEnum().getGeneric().asEnum());
    } else if (type.isInterface()) {
      ref.kind = Kind::interface_;
    } else {
      ref.kind = scalar_kind(type.which());
    }
    return ref;
  }

  StructEntry make_struct(StructSchema type) {
    auto proto = type.getProto().getStruct();
    StructEntry entry;
    entry.name = name_of(type);
    entry.id = type.getProto().getId();
    entry.data_words = proto.getDataWordCount();
    entry.pointer_count = proto.getPointerCount();
    entry.is_group = proto.getIsGroup();
    entry.union_field_count = proto.getDiscriminantCount();
    entry.union_bit_offset = proto.getDiscriminantOffset() * 16;

    std::vector<StructSchema::Field> fields;
    for (auto field : type.getFields()) fields.push_back(field);
    std::stable_sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) {
      return a.getProto().getCodeOrder() < b.getProto().getCodeOrder();
    });
    for (const auto& field : fields) entry.fields.push_back(make_field(field));
    return entry;
  }

  FieldEntry make_field(const StructSchema::Field& field) {
    auto proto = field.getProto();
    FieldEntry entry;
    entry.name = proto.getName().cStr();
    entry.type = type_ref(field.getType());
    if (proto.getOrdinal().isExplicit()) entry.ordinal = proto.getOrdinal().getExplicit();
    if (proto.getDiscriminantValue() != schema::Field::NO_DISCRIMINANT) {
      entry.discriminant = proto.getDiscriminantValue();
    }
    if (proto.isGroup()) {
      entry.is_group = true;
    } else if (auto slot = proto.getSlot(); entry.type.is_pointer()) {
      entry.pointer_index = slot.getOffset();
      entry.default_frame = default_frame_of(slot.getDefaultValue());
    } else {
      entry.bit_offset = slot.getOffset() * bits_of(entry.type);
      entry.default_bits = default_bits_of(slot.getDefaultValue());
    }
    return entry;
  }

  FieldTable table_;
  std::vector<StructSchema> structs_;
  std::unordered_map<capnp::Schema, int32_t, SchemaHash> struct_index_;
  std::unordered_map<capnp::Schema, int32_t, SchemaHash> enum_index_;
  std::unordered_map<uint64_t, size_t> uses_;
};

}  // namespace

FieldTable build_field_table(StructSchema root) {
  return translate_kj(Code::bad_schema, "schema: ", [&] { return Builder().run(root); });
}

uint32_t bits_of(TypeRef type) noexcept {
  if (type.list_depth > 0) return 64;
  switch (type.kind) {
    case Kind::void_:
    case Kind::struct_: return 0;
    case Kind::bool_: return 1;
    case Kind::int8:
    case Kind::uint8: return 8;
    case Kind::int16:
    case Kind::uint16:
    case Kind::enum_: return 16;
    case Kind::int32:
    case Kind::uint32:
    case Kind::float32: return 32;
    default: return 64;
  }
}

capnp::ElementSize element_size_of(TypeRef type) noexcept {
  if (type.is_pointer()) {
    bool is_struct = type.list_depth == 0 && type.kind == Kind::struct_;
    return is_struct ? capnp::ElementSize::INLINE_COMPOSITE : capnp::ElementSize::POINTER;
  }
  switch (bits_of(type)) {
    case 0: return capnp::ElementSize::VOID;
    case 1: return capnp::ElementSize::BIT;
    case 8: return capnp::ElementSize::BYTE;
    case 16: return capnp::ElementSize::TWO_BYTES;
    case 32: return capnp::ElementSize::FOUR_BYTES;
    default: return capnp::ElementSize::EIGHT_BYTES;
  }
}

std::string type_text(const FieldTable& table, TypeRef type) {
  if (type.list_depth > 0) return "List(" + type_text(table, type.element()) + ")";
  switch (type.kind) {
    case Kind::void_: return "Void";
    case Kind::bool_: return "Bool";
    case Kind::int8: return "Int8";
    case Kind::int16: return "Int16";
    case Kind::int32: return "Int32";
    case Kind::int64: return "Int64";
    case Kind::uint8: return "UInt8";
    case Kind::uint16: return "UInt16";
    case Kind::uint32: return "UInt32";
    case Kind::uint64: return "UInt64";
    case Kind::float32: return "Float32";
    case Kind::float64: return "Float64";
    case Kind::text: return "Text";
    case Kind::data: return "Data";
    case Kind::enum_: return table.enums[type.index].name;
    case Kind::struct_: return table.structs[type.index].name;
    case Kind::interface_: return "interface";
    case Kind::any: return "AnyPointer";
  }
  return "unknown type";
}

}  // namespace polybus::bus

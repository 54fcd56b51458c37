#include "adapters/c/src/schema_tables.hpp"

namespace polybus::c {
namespace {

using bus::Kind;

static_assert(static_cast<int>(Kind::void_) == POLYBUS_KIND_VOID);
static_assert(static_cast<int>(Kind::bool_) == POLYBUS_KIND_BOOL);
static_assert(static_cast<int>(Kind::int8) == POLYBUS_KIND_INT8);
static_assert(static_cast<int>(Kind::int64) == POLYBUS_KIND_INT64);
static_assert(static_cast<int>(Kind::uint8) == POLYBUS_KIND_UINT8);
static_assert(static_cast<int>(Kind::uint64) == POLYBUS_KIND_UINT64);
static_assert(static_cast<int>(Kind::float32) == POLYBUS_KIND_FLOAT32);
static_assert(static_cast<int>(Kind::float64) == POLYBUS_KIND_FLOAT64);
static_assert(static_cast<int>(Kind::enum_) == POLYBUS_KIND_ENUM);
static_assert(static_cast<int>(Kind::text) == POLYBUS_KIND_TEXT);
static_assert(static_cast<int>(Kind::data) == POLYBUS_KIND_DATA);
static_assert(static_cast<int>(Kind::struct_) == POLYBUS_KIND_STRUCT);
static_assert(static_cast<int>(Kind::interface_) == POLYBUS_KIND_INTERFACE);
static_assert(static_cast<int>(Kind::any) == POLYBUS_KIND_ANY);

polybus_field to_c(const bus::FieldEntry& entry) {
  polybus_field field{};
  field.name = entry.name.c_str();
  field.type = {static_cast<int32_t>(entry.type.kind), entry.type.list_depth, entry.type.index};
  field.is_group = entry.is_group;
  field.discriminant = entry.discriminant;
  field.bit_offset = entry.bit_offset;
  field.pointer_index = entry.pointer_index;
  field.default_bits = entry.default_bits;
  if (entry.default_frame.size() > 0) {
    field.default_frame = entry.default_frame.begin();
    field.default_frame_size = entry.default_frame.asBytes().size();
  }
  return field;
}

}  // namespace

SchemaTables::SchemaTables(const bus::FieldTable& table) {
  for (const auto& entry : table.structs) {
    auto& fields = fields_.emplace_back();
    for (const auto& field : entry.fields) fields.push_back(to_c(field));
    polybus_struct_info info{};
    info.name = entry.name.c_str();
    info.id = entry.id;
    info.fields = fields.data();
    info.field_count = static_cast<uint32_t>(fields.size());
    info.union_field_count = entry.union_field_count;
    info.union_bit_offset = entry.union_bit_offset;
    info.data_words = entry.data_words;
    info.pointer_count = entry.pointer_count;
    info.is_group = entry.is_group;
    structs.push_back(info);
  }
  for (const auto& entry : table.enums) {
    auto& names = enumerants_.emplace_back();
    for (const auto& name : entry.enumerants) names.push_back(name.c_str());
    enums.push_back({entry.name.c_str(), entry.id, names.data(), static_cast<uint32_t>(names.size())});
  }
}

}  // namespace polybus::c

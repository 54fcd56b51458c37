// A schema as plain tables, so that reading a field is a load, not a walk through schema nodes.
#pragma once

#include <capnp/common.h>
#include <capnp/pointer-helpers.h>
#include <capnp/schema.h>
#include <kj/array.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace polybus::bus {

// How a value is stored. The numbers are those of polybus_kind in <polybus/polybus.h>.
enum class Kind : int32_t {
  void_ = 0,
  bool_ = 1,
  int8 = 2,
  int16 = 3,
  int32 = 4,
  int64 = 5,
  uint8 = 6,
  uint16 = 7,
  uint32 = 8,
  uint64 = 9,
  float32 = 10,
  float64 = 11,
  enum_ = 12,
  text = 13,
  data = 14,
  struct_ = 15,
  interface_ = 16,
  any = 17,  // AnyPointer, and what depends on a type parameter that is not bound
};

// `list_depth` lists around `kind`; `index` into the table's structs or enums, else -1.
struct TypeRef {
  Kind kind = Kind::void_;
  int32_t list_depth = 0;
  int32_t index = -1;

  bool is_pointer() const noexcept { return list_depth > 0 || kind >= Kind::text; }
  TypeRef element() const noexcept { return {kind, list_depth - 1, index}; }
};

struct FieldEntry {
  std::string name;
  TypeRef type;
  bool is_group = false;       // shares the struct's own data and pointers
  int32_t ordinal = -1;        // the number behind its @; -1: a group, which has none
  int32_t discriminant = -1;   // value of the union tag that selects this field; -1: not in a union
  uint32_t bit_offset = 0;     // scalars, in the data section
  uint32_t pointer_index = 0;  // the others
  uint64_t default_bits = 0;   // scalars are stored XORed with this
  kj::Array<capnp::word>
      default_frame;  // pointer fields with a default: a message whose root has it as its one pointer
};

struct StructEntry {
  std::string name;  // "Imu", "Outer.Inner"
  uint64_t id = 0;
  std::vector<FieldEntry> fields;  // in source order
  uint32_t union_field_count = 0;  // of the unnamed union, 0: none
  uint32_t union_bit_offset = 0;   // of its 16-bit tag
  uint16_t data_words = 0;
  uint16_t pointer_count = 0;
  bool is_group = false;
};

struct EnumEntry {
  std::string name;
  uint64_t id = 0;
  std::vector<std::string> enumerants;  // by value
};

// structs[0] is the root type; groups have entries of their own, and so has each use of a generic type that differs.
struct FieldTable {
  std::vector<StructEntry> structs;
  std::vector<EnumEntry> enums;

  const StructEntry& root() const noexcept { return structs.front(); }
};

FieldTable build_field_table(capnp::StructSchema root);

// Bits one element or field takes; 64 for what is a pointer, 0 for Void and, in lists, for structs.
uint32_t bits_of(TypeRef type) noexcept;
// How such elements lie in a list.
capnp::ElementSize element_size_of(TypeRef type) noexcept;
// Why there is no value for a field of an interface's type, the same words in every language.
inline constexpr std::string_view kNoCapabilities =
    "a field of an interface type holds a capability, which a message on a bus cannot carry";
// "UInt8", "Text", "List(List(Float32))", "Pose": as a .capnp file would say it.
std::string type_text(const FieldTable& table, TypeRef type);

}  // namespace polybus::bus

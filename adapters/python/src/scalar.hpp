// Numbers, Bool, Void and enums: one value of at most 64 bits each, and how it lies in a message.
#pragma once

#include <polybus/polybus.h>

#include <cstdint>
#include <cstring>

#include "path.hpp"
#include "schema.hpp"

namespace polybus_python {

// Width in the data section; 0 for Void and for everything that is not a scalar.
constexpr uint32_t scalar_bits(int32_t kind) {
  constexpr uint8_t kBits[] = {0, 1, 8, 16, 32, 64, 8, 16, 32, 64, 32, 64, 16};
  return kind >= 0 && kind <= POLYBUS_KIND_ENUM ? kBits[kind] : 0;
}
constexpr bool is_scalar(const polybus_type& type) { return type.list_depth == 0 && type.kind <= POLYBUS_KIND_ENUM; }
// Whole bytes: what the buffer protocol can describe.
constexpr bool is_number(int32_t kind) { return kind >= POLYBUS_KIND_INT8 && kind <= POLYBUS_KIND_ENUM; }
// PEP 3118, native sizes and order (x86-64 is little-endian, as Cap'n Proto is).
constexpr const char* buffer_format(int32_t kind) {
  constexpr const char* kFormats[] = {"", "?", "b", "h", "i", "q", "B", "H", "I", "Q", "f", "d", "H"};
  return kind >= 0 && kind <= POLYBUS_KIND_ENUM ? kFormats[kind] : "";
}
// "UInt8", "List(Text)", "Imu": as the schema's author wrote it.
std::string type_text(const SchemaTables& tables, const polybus_type& type);

// Can this field be read from memory as it lies there? Not with a default (stored XORed), not Bool (a bit).
constexpr bool is_array_column(const polybus_field& field) {
  return is_scalar(field.type) && is_number(field.type.kind) && field.default_bits == 0 && field.discriminant < 0;
}

// The raw bits of a scalar; zero if it lies beyond `data_bits`, that is, if the writer did not know the field.
inline uint64_t load_bits(const uint8_t* data, uint32_t data_bits, uint32_t bit_offset, uint32_t bits) {
  // Void has no bits, and a struct without data no address.
  if (bits == 0 || bit_offset > data_bits || bits > data_bits - bit_offset) return 0;
  if (bits == 1) return data[bit_offset >> 3] >> (bit_offset & 7) & 1;
  uint64_t raw = 0;
  memcpy(&raw, data + bit_offset / 8, bits / 8);
  return raw;
}

inline void store_bits(uint8_t* data, uint32_t bit_offset, uint32_t bits, uint64_t raw) {
  if (bits == 1) {
    const uint8_t mask = static_cast<uint8_t>(1u << (bit_offset & 7));
    uint8_t& byte = data[bit_offset >> 3];
    byte = static_cast<uint8_t>(raw & 1 ? byte | mask : byte & ~mask);
  } else {
    memcpy(data + bit_offset / 8, &raw, bits / 8);
  }
}

// The Python value of raw bits (defaults already applied).
PyObject* scalar_to_python(const SchemaTables& tables, const polybus_type& type, uint64_t raw);
// The raw bits of a Python value. false with InvalidArgumentError set, which carries the path.
bool scalar_from_python(const SchemaTables& tables, const polybus_type& type, PyObject* value, const Path& path,
                        uint64_t* raw);

}  // namespace polybus_python

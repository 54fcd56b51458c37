#include "bus/message/default_text.hpp"

#include <capnp/any.h>
#include <capnp/serialize.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <polybus/error.hpp>

#include "bus/message/kj_errors.hpp"

namespace polybus::bus {
namespace {

constexpr size_t kTextShown = 24;

template <typename T>
std::string number_text(T value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  return {text, end.ptr};
}

std::string scalar_text(const FieldTable& table, const FieldEntry& field) {
  const uint64_t bits = field.default_bits;
  switch (field.type.kind) {
    case Kind::bool_: return bits != 0 ? "true" : "false";
    case Kind::int8: return number_text(static_cast<int8_t>(bits));
    case Kind::int16: return number_text(static_cast<int16_t>(bits));
    case Kind::int32: return number_text(static_cast<int32_t>(bits));
    case Kind::int64: return number_text(static_cast<int64_t>(bits));
    case Kind::float32: return number_text(std::bit_cast<float>(static_cast<uint32_t>(bits)));
    case Kind::float64: return number_text(std::bit_cast<double>(bits));
    case Kind::enum_: {
      const auto& enumerants = table.enums[static_cast<size_t>(field.type.index)].enumerants;
      return bits < enumerants.size() ? enumerants[bits] : number_text(bits);
    }
    default: return number_text(bits);
  }
}

template <typename Body>
auto with_pointer(const FieldEntry& field, Body&& body) {
  capnp::FlatArrayMessageReader reader(field.default_frame);
  return body(reader.getRoot<capnp::AnyStruct>().getPointerSection()[0]);
}

}  // namespace

bool same_default(const FieldEntry& a, const FieldEntry& b) {
  if (!a.type.is_pointer()) return a.default_bits == b.default_bits;
  if (a.default_frame == nullptr || b.default_frame == nullptr)
    return a.default_frame == nullptr && b.default_frame == nullptr;
  return translate_kj(Code::bad_schema, "schema: ", [&] {
    return with_pointer(a, [&](auto left) { return with_pointer(b, [&](auto right) { return left == right; }); });
  });
}

std::string default_text(const FieldTable& table, const FieldEntry& field) {
  if (!field.type.is_pointer()) return scalar_text(table, field);
  if (field.default_frame == nullptr) return "none";
  if (field.type.kind != Kind::text || field.type.list_depth > 0) return "of its own";
  return translate_kj(Code::bad_schema, "schema: ", [&] {
    return with_pointer(field, [](auto pointer) -> std::string {
      auto text = pointer.template getAs<capnp::Text>();
      const bool is_printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
      if (text.size() > kTextShown || !is_printable) return "of its own";
      return "\"" + std::string(text.begin(), text.size()) + "\"";
    });
  });
}

}  // namespace polybus::bus

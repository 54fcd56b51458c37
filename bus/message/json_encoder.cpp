// From a message to JSON, through the field table rather than capnp's dynamic API: it costs a fifth.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <polybus/error.hpp>

#include "bus/message/base64.hpp"
#include "bus/message/frame.hpp"
#include "bus/message/json.hpp"
#include "bus/message/json_text.hpp"
#include "bus/message/kj_errors.hpp"
#include "bus/message/schema_state.hpp"

namespace polybus::bus {
namespace {

namespace cp = capnp::_;
using capnp::ELEMENTS;

// The bits of a field or element, zero-extended. What the writer did not know of is zero.
template <typename Get>
uint64_t load(uint32_t bits, Get&& get) {
  switch (bits) {
    case 1: return get(bool{});
    case 8: return get(uint8_t{});
    case 16: return get(uint16_t{});
    case 32: return get(uint32_t{});
    case 64: return get(uint64_t{});
    default: return 0;
  }
}

uint64_t field_bits(const cp::StructReader& from, uint32_t bit_offset, uint32_t bits) {
  return load(bits, [&]<typename T>(T) -> uint64_t { return from.getDataField<T>(bit_offset / bits * ELEMENTS); });
}

uint64_t element_bits(const cp::ListReader& from, uint32_t index, uint32_t bits) {
  return load(bits, [&]<typename T>(T) -> uint64_t { return from.getDataElement<T>(index * ELEMENTS); });
}

class Encoder {
 public:
  Encoder(const FieldTable& table, size_t bytes_max) : table_(table), bytes_max_(bytes_max) {}

  std::string run(const cp::StructReader& root) {
    put_struct(table_.root(), root);
    return std::move(out_);
  }

 private:
  void check_size() const {
    if (out_.size() > bytes_max_) {
      throw Error(Code::bad_message, "message claims more than it holds: its JSON is larger than " +
                                         std::to_string(bytes_max_) + " bytes");
    }
  }

  void put_struct(const StructEntry& type, const cp::StructReader& from) {
    uint64_t tag = type.union_field_count > 0 ? field_bits(from, type.union_bit_offset, 16) : 0;
    out_ += '{';
    bool first = true;
    for (const auto& field : type.fields) {
      bool in_union = field.discriminant >= 0;
      if (in_union && static_cast<uint64_t>(field.discriminant) != tag) continue;
      // Null pointers are left out, but a union's active member is what tells which one is.
      if (!in_union && !field.is_group && field.type.is_pointer() && pointer_of(field, from).isNull()) continue;
      if (!first) out_ += ',';
      first = false;
      append_json_string(out_, field.name);
      out_ += ':';
      put_field(field, from);
    }
    out_ += '}';
    check_size();
  }

  static cp::PointerReader pointer_of(const FieldEntry& field, const cp::StructReader& from) {
    return from.getPointerField(static_cast<uint16_t>(field.pointer_index) * capnp::POINTERS);
  }

  void put_field(const FieldEntry& field, const cp::StructReader& from) {
    if (field.is_group) {
      put_struct(table_.structs[field.type.index], from);
    } else if (field.type.is_pointer()) {
      put_pointer(field.type, pointer_of(field, from));
    } else {
      put_scalar(field.type, field_bits(from, field.bit_offset, bits_of(field.type)) ^ field.default_bits);
    }
  }

  void put_pointer(TypeRef type, const cp::PointerReader& pointer) {
    bool is_known = type.list_depth > 0 || (type.kind != Kind::any && type.kind != Kind::interface_);
    if (pointer.isNull() || !is_known) {
      out_ += "null";
    } else if (type.list_depth > 0) {
      put_list(type.element(), pointer.getList(element_size_of(type.element()), nullptr));
    } else if (type.kind == Kind::text) {
      auto text = pointer.getBlob<capnp::Text>(nullptr, capnp::ZERO * capnp::BYTES);
      append_json_string(out_, {text.begin(), text.size()});
    } else if (type.kind == Kind::data) {
      auto data = pointer.getBlob<capnp::Data>(nullptr, capnp::ZERO * capnp::BYTES);
      out_ += '"';
      append_base64(out_, {data.begin(), data.size()});
      out_ += '"';
    } else {
      put_struct(table_.structs[type.index], pointer.getStruct(nullptr));
    }
    check_size();
  }

  void put_list(TypeRef element, const cp::ListReader& list) {
    auto count = static_cast<uint32_t>(capnp::unbound(list.size() / ELEMENTS));
    bool is_struct = element.list_depth == 0 && element.kind == Kind::struct_;
    uint32_t bits = bits_of(element);
    out_ += '[';
    for (uint32_t i = 0; i < count; ++i) {
      if (i > 0) out_ += ',';
      if (is_struct) {
        put_struct(table_.structs[element.index], list.getStructElement(i * ELEMENTS));
      } else if (element.is_pointer()) {
        put_element(element, list.getPointerElement(i * ELEMENTS));
      } else {
        put_scalar(element, element_bits(list, i, bits));
      }
    }
    out_ += ']';
  }

  // In a list there is no leaving out: what is not there is read as empty, as everywhere else.
  void put_element(TypeRef element, const cp::PointerReader& pointer) {
    if (!pointer.isNull()) return put_pointer(element, pointer);
    out_ += element.list_depth > 0 ? "[]" : element.kind == Kind::text || element.kind == Kind::data ? "\"\"" : "null";
  }

  void put_scalar(TypeRef type, uint64_t bits) {
    switch (type.kind) {
      case Kind::void_: out_ += "null"; break;
      case Kind::bool_: out_ += (bits & 1) != 0 ? "true" : "false"; break;
      case Kind::int8: put_number(static_cast<int8_t>(bits)); break;
      case Kind::int16: put_number(static_cast<int16_t>(bits)); break;
      case Kind::int32: put_number(static_cast<int32_t>(bits)); break;
      case Kind::int64: put_quoted(static_cast<int64_t>(bits)); break;
      case Kind::uint64: put_quoted(bits); break;
      // As a double, which is what every reader of JSON makes of it.
      case Kind::float32: put_float(std::bit_cast<float>(static_cast<uint32_t>(bits))); break;
      case Kind::float64: put_float(std::bit_cast<double>(bits)); break;
      case Kind::enum_: put_enum(table_.enums[type.index], bits); break;
      default: put_number(bits); break;
    }
  }

  template <typename T>
  void put_number(T value) {
    char digits[32];
    out_.append(digits, std::to_chars(digits, std::end(digits), value).ptr);
  }

  template <typename T>
  void put_quoted(T value) {
    out_ += '"';
    put_number(value);
    out_ += '"';
  }

  void put_float(double value) {
    if (value == 0 && std::signbit(value)) {
      out_ += "-0.0";  // there are readers of JSON to whom -0 is an integer, which has no sign then
    } else if (std::isfinite(value)) {
      put_number(value);
    } else {
      out_ += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    }
  }

  void put_enum(const EnumEntry& type, uint64_t value) {
    if (value < type.enumerants.size()) {
      append_json_string(out_, type.enumerants[value]);
    } else {
      put_number(value);  // younger than the schema
    }
  }

  const FieldTable& table_;
  const size_t bytes_max_;
  std::string out_;
};

// Every element of a list may be a struct of many fields that are not in the message but have defaults; without a bound,
// a few kilobytes that claim a million such elements would be gigabytes of text.
size_t json_bytes_max(size_t frame_bytes) { return (size_t{64} << 20) + 256 * frame_bytes; }

}  // namespace

std::string to_json(const Schema& schema, std::span<const std::byte> bytes) {
  Frame frame(bytes, Code::bad_message, whole_message_limit(bytes.size() / sizeof(capnp::word)));
  return translate_kj(Code::bad_message, "",
                      [&] { return Encoder(fields_of(schema), json_bytes_max(bytes.size())).run(root_reader(frame)); });
}

}  // namespace polybus::bus

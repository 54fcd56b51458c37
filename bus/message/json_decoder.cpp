// From JSON to a message.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <polybus/error.hpp>

#include "bus/message/base64.hpp"
#include "bus/message/json.hpp"
#include "bus/message/json_number.hpp"
#include "bus/message/json_text.hpp"
#include "bus/message/kj_errors.hpp"
#include "bus/message/schema_state.hpp"

namespace polybus::bus {
namespace {

namespace cp = capnp::_;
using capnp::ELEMENTS;

constexpr uint32_t kElementsMax = (1u << 29) - 2;  // of a list or of a text's bytes, by Cap'n Proto

// Where in the message we are, kept on the stack and made a text only when something is wrong.
struct Path {
  const Path* outer = nullptr;
  std::string_view field = {};  // empty: an element of a list
  uint32_t index = 0;

  std::string text() const {
    if (field.empty()) return (outer ? outer->text() : "") + "[" + std::to_string(index) + "]";
    std::string before = outer ? outer->text() : "";
    return before + (before.empty() ? "" : ".") + std::string(field);
  }
};

[[noreturn]] void refuse(const Path* path, const std::string& what) {
  throw Error(Code::invalid_argument, (path ? path->text() + ": " : "") + what);
}

// What was given instead, short enough for a message.
std::string got(const JsonNode& node) {
  if (node.type == JsonType::number) return std::string(node.text.substr(0, 40));
  return std::string(json_type_text(node.type));
}

class Decoder {
 public:
  Decoder(const FieldTable& table, std::string_view json) : table_(table), document_(json) {}

  void run(const StructEntry& type, cp::StructBuilder to) { set_struct(type, document_.node(0), 0, to, nullptr); }

 private:
  [[noreturn]] void refuse_type(const Path* path, TypeRef type, const JsonNode& node) const {
    refuse(path, "expected " + type_text(table_, type) + ", got " + got(node));
  }

  // A number of the wrong size is told from a value of the wrong type.
  [[noreturn]] void refuse_scalar(const Path* path, TypeRef type, const JsonNode& node) const {
    std::string what = type_text(table_, type);
    if (node.type == JsonType::number) {
      if (auto range = integer_range_text(type.kind); !range.empty()) what.append(" (").append(range).append(")");
      if (type.kind == Kind::float32) what += " (up to 3.4028235e38)";
    }
    refuse(path, "expected " + what + ", got " + got(node));
  }

  void set_struct(const StructEntry& type, const JsonNode& node, uint32_t at, cp::StructBuilder to, const Path* path) {
    if (node.type != JsonType::object) refuse(path, "expected " + type.name + ", got " + got(node));
    const FieldEntry* selected = nullptr;
    size_t expected = 0;  // fields mostly come in the schema's order
    for (uint32_t member = 0, key = at + 1; member < node.count; ++member) {
      std::string_view name = document_.node(key).text;
      const FieldEntry& field = find(type, name, expected, path);
      Path here{path, field.name};
      if (field.discriminant >= 0) {
        if (selected != nullptr) {
          refuse(path, selected->name + " and " + field.name + " are members of one union: give one of them");
        }
        selected = &field;
        to.setDataField<uint16_t>(type.union_bit_offset / 16 * ELEMENTS, static_cast<uint16_t>(field.discriminant));
      }
      set_field(field, key + 1, to, &here);
      key = document_.node(key + 1).next;
    }
  }

  const FieldEntry& find(const StructEntry& type, std::string_view name, size_t& expected, const Path* path) const {
    const auto& fields = type.fields;
    for (size_t i = 0; i < fields.size(); ++i) {
      const auto& field = fields[(expected + i) % fields.size()];
      if (field.name == name) {
        expected = (expected + i + 1) % fields.size();
        return field;
      }
    }
    std::string has;
    for (const auto& field : fields) has += (has.empty() ? "" : ", ") + field.name;
    std::string quoted;
    append_json_string(quoted, name.substr(0, 100));
    refuse(path, type.name + " has no field " + quoted + "; it has " + (has.empty() ? "none" : has));
  }

  void set_field(const FieldEntry& field, uint32_t at, cp::StructBuilder to, const Path* path) {
    const JsonNode& node = document_.node(at);
    if (field.is_group) {
      set_struct(table_.structs[field.type.index], node, at, to, path);
    } else if (field.type.is_pointer()) {
      set_pointer(field.type, at, to.getPointerField(static_cast<uint16_t>(field.pointer_index) * capnp::POINTERS),
                  path);
    } else {
      uint64_t bits = scalar(field.type, node, path) ^ field.default_bits;
      uint32_t width = bits_of(field.type);
      store(width, bits, [&]<typename T>(T value) { to.setDataField<T>(field.bit_offset / width * ELEMENTS, value); });
    }
  }

  template <typename Set>
  static void store(uint32_t width, uint64_t bits, Set&& set) {
    switch (width) {
      case 1: return set((bits & 1) != 0);
      case 8: return set(static_cast<uint8_t>(bits));
      case 16: return set(static_cast<uint16_t>(bits));
      case 32: return set(static_cast<uint32_t>(bits));
      case 64: return set(bits);
      default: return;  // Void
    }
  }

  void set_pointer(TypeRef type, uint32_t at, cp::PointerBuilder to, const Path* path) {
    const JsonNode& node = document_.node(at);
    if (node.type == JsonType::null) {
      to.clear();
    } else if (type.list_depth > 0) {
      set_list(type, at, to, path);
    } else if (type.kind == Kind::text) {
      if (node.type != JsonType::string) refuse_type(path, type, node);
      check_count(node.text.size(), path);
      auto text = to.initBlob<capnp::Text>(static_cast<uint32_t>(node.text.size()) * capnp::BYTES);
      std::copy(node.text.begin(), node.text.end(), text.begin());
    } else if (type.kind == Kind::data) {
      set_data(type, node, to, path);
    } else if (type.kind == Kind::struct_) {
      const auto& inner = table_.structs[type.index];
      set_struct(inner, node, at, to.initStruct(size_of(inner)), path);
    } else if (type.kind == Kind::interface_) {
      refuse(path, std::string(kNoCapabilities));
    } else {
      refuse(path, "an AnyPointer has no JSON but null: its type is known to the program only");
    }
  }

  void set_data(TypeRef type, const JsonNode& node, cp::PointerBuilder to, const Path* path) {
    if (node.type != JsonType::string) refuse_type(path, type, node);
    auto bytes = decode_base64(node.text);
    if (!bytes) refuse(path, "expected Data as base64, got a string that is not");
    check_count(bytes->size(), path);
    auto data = to.initBlob<capnp::Data>(static_cast<uint32_t>(bytes->size()) * capnp::BYTES);
    std::copy(bytes->begin(), bytes->end(), data.begin());
  }

  void set_list(TypeRef type, uint32_t at, cp::PointerBuilder to, const Path* path) {
    const JsonNode& node = document_.node(at);
    if (node.type != JsonType::array) refuse_type(path, type, node);
    check_count(node.count, path);
    TypeRef element = type.element();
    bool is_struct = element.list_depth == 0 && element.kind == Kind::struct_;
    const StructEntry* inner = is_struct ? &table_.structs[element.index] : nullptr;
    cp::ListBuilder list = is_struct ? to.initStructList(node.count * ELEMENTS, size_of(*inner))
                                     : to.initList(element_size_of(element), node.count * ELEMENTS);
    uint32_t width = bits_of(element);
    for (uint32_t i = 0, child = at + 1; i < node.count; ++i, child = document_.node(child).next) {
      Path here{path, {}, i};
      if (is_struct) {
        set_struct(*inner, document_.node(child), child, list.getStructElement(i * ELEMENTS), &here);
      } else if (element.is_pointer()) {
        set_pointer(element, child, list.getPointerElement(i * ELEMENTS), &here);
      } else {
        uint64_t bits = scalar(element, document_.node(child), &here);
        store(width, bits, [&]<typename T>(T value) { list.setDataElement<T>(i * ELEMENTS, value); });
      }
    }
  }

  static cp::StructSize size_of(const StructEntry& type) {
    return cp::StructSize(capnp::bounded(type.data_words) * capnp::WORDS,
                          capnp::bounded(type.pointer_count) * capnp::POINTERS);
  }

  static void check_count(size_t count, const Path* path) {
    if (count > kElementsMax) refuse(path, "larger than Cap'n Proto allows");
  }

  // The value's bits, before the default is applied.
  uint64_t scalar(TypeRef type, const JsonNode& node, const Path* path) const {
    std::optional<uint64_t> bits;
    switch (type.kind) {
      case Kind::void_:
        if (node.type == JsonType::null) bits = 0;
        break;
      case Kind::bool_:
        if (node.type == JsonType::boolean) bits = node.text == "true";
        break;
      case Kind::float32: bits = float32_bits(node); break;
      case Kind::float64: bits = float64_bits(node); break;
      case Kind::enum_: return enum_value(table_.enums[type.index], node, path);
      case Kind::int64:
      case Kind::uint64:
        if (node.type == JsonType::string) {
          bits = integer_bits(type.kind, node.text);
          if (!bits) refuse(path, "expected " + type_text(table_, type) + ", got a string that is no such number");
          break;
        }
        [[fallthrough]];
      default:
        if (node.type == JsonType::number) bits = integer_bits(type.kind, node.text);
    }
    if (!bits) refuse_scalar(path, type, node);
    return *bits;
  }

  static uint64_t enum_value(const EnumEntry& type, const JsonNode& node, const Path* path) {
    if (node.type == JsonType::number) {
      if (auto value = integer_bits(Kind::uint16, node.text)) return *value;
    }
    if (node.type == JsonType::string) {
      auto found = std::find(type.enumerants.begin(), type.enumerants.end(), node.text);
      if (found != type.enumerants.end()) return static_cast<uint64_t>(found - type.enumerants.begin());
    }
    std::string names;
    for (const auto& name : type.enumerants) names += (names.empty() ? "" : ", ") + name;
    std::string given = got(node);
    if (node.type == JsonType::string) {
      given.clear();
      append_json_string(given, node.text.substr(0, 40));
    }
    refuse(path, "expected " + type.name + " (" + names + "), got " + given);
  }

  const FieldTable& table_;
  JsonDocument document_;
};

}  // namespace

void set_json(const FieldTable& table, const StructEntry& type, std::string_view json, cp::StructBuilder to) {
  translate_kj(Code::invalid_argument, "", [&] { Decoder(table, json).run(type, to); });
}

void from_json(const Schema& schema, std::string_view json, capnp::MessageBuilder& message) {
  const auto& table = fields_of(schema);
  const auto& type = table.root();
  translate_kj(Code::invalid_argument, "", [&] {
    auto root = cp::PointerHelpers<capnp::AnyPointer>::getInternalBuilder(message.getRoot<capnp::AnyPointer>());
    cp::StructSize size(capnp::bounded(type.data_words) * capnp::WORDS,
                        capnp::bounded(type.pointer_count) * capnp::POINTERS);
    Decoder(table, json).run(type, root.initStruct(size));
  });
}

}  // namespace polybus::bus

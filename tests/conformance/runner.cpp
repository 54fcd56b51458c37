// C++'s part: `conformance-runner pub TOPIC SCHEMA CASES` or `conformance-runner sub TOPIC SCHEMA COUNT`. Messages are of the generated type, and are
// walked with Cap'n Proto's own dynamic interface, so that nothing of Polybus but the transport is on this path. See
// test_conformance.py.
#include <capnp/dynamic.h>
#include <capnp/schema.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <polybus/polybus.hpp>
#include <string>

#include "tests/conformance/conformance.capnp.h"

namespace {

using Json = nlohmann::ordered_json;
using capnp::DynamicList;
using capnp::DynamicStruct;
using capnp::DynamicValue;

constexpr std::chrono::seconds kPatience{60};
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// ---- writing

std::string base64_decoded(const std::string& text) {
  std::string out;
  uint32_t bits = 0, count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(kDigits.find(c));
    count += 6;
    if (count >= 8) out += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  return out;
}

double number(const Json& value) {
  if (!value.is_string()) return value.get<double>();
  const auto& text = value.get_ref<const std::string&>();
  return text == "NaN" ? std::nan("") : text == "Infinity" ? HUGE_VAL : -HUGE_VAL;
}

void fill(DynamicStruct::Builder to, const Json& from);
void fill(DynamicList::Builder to, const Json& from);

template <typename To, typename Key, typename InitStruct, typename InitList>
void set(To& to, Key key, capnp::Type type, const Json& value, InitStruct init_struct, InitList init_list) {
  switch (type.which()) {
    case capnp::schema::Type::VOID: to.set(key, capnp::VOID); return;
    case capnp::schema::Type::BOOL: to.set(key, value.get<bool>()); return;
    case capnp::schema::Type::INT64: to.set(key, static_cast<int64_t>(std::stoll(value.get<std::string>()))); return;
    case capnp::schema::Type::UINT64: to.set(key, static_cast<uint64_t>(std::stoull(value.get<std::string>()))); return;
    case capnp::schema::Type::FLOAT32: to.set(key, static_cast<float>(number(value))); return;
    case capnp::schema::Type::FLOAT64: to.set(key, number(value)); return;
    case capnp::schema::Type::ENUM:
    case capnp::schema::Type::TEXT: {
      const auto text = value.get<std::string>();
      to.set(key, capnp::Text::Reader(text.c_str(), text.size()));
      return;
    }
    case capnp::schema::Type::DATA: {
      const std::string bytes = base64_decoded(value.get<std::string>());
      to.set(key, capnp::Data::Reader(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
      return;
    }
    case capnp::schema::Type::STRUCT: fill(init_struct(), value); return;
    case capnp::schema::Type::LIST: fill(init_list(static_cast<unsigned>(value.size())), value); return;
    default: to.set(key, value.get<int64_t>()); return;
  }
}

void fill(DynamicStruct::Builder to, const Json& from) {
  for (const auto& [name, value] : from.items()) {
    const auto field = to.getSchema().getFieldByName(name.c_str());
    set(
        to, field, field.getType(), value, [&] { return to.init(field).as<DynamicStruct>(); },
        [&](unsigned size) { return to.init(field, size).as<DynamicList>(); });
  }
}

void fill(DynamicList::Builder to, const Json& from) {
  for (unsigned i = 0; i < to.size(); ++i) {
    set(
        to, i, to.getSchema().getElementType(), from[i], [&] { return to[i].as<DynamicStruct>(); },
        [&](unsigned size) { return to.init(i, size).as<DynamicList>(); });
  }
}

// ---- reading

std::string base64_encoded(capnp::Data::Reader bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](size_t j) { return j < bytes.size() ? uint32_t{bytes[j]} : 0u; };
    const uint32_t three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += {kDigits[three >> 18], kDigits[three >> 12 & 63], i + 1 < bytes.size() ? kDigits[three >> 6 & 63] : '=',
            i + 2 < bytes.size() ? kDigits[three & 63] : '='};
  }
  return out;
}

std::string text_of(double value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  char buffer[64];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

std::string text_of(DynamicStruct::Reader from);

std::string text_of(DynamicList::Reader list);

std::string text_of(const DynamicValue::Reader& value, capnp::Type type) {
  switch (value.getType()) {
    case DynamicValue::VOID: return "null";
    case DynamicValue::BOOL: return value.as<bool>() ? "true" : "false";
    case DynamicValue::INT:
      return type.isInt64() ? '"' + std::to_string(value.as<int64_t>()) + '"' : std::to_string(value.as<int64_t>());
    case DynamicValue::UINT:
      return type.isUInt64() ? '"' + std::to_string(value.as<uint64_t>()) + '"' : std::to_string(value.as<uint64_t>());
    case DynamicValue::FLOAT: return text_of(value.as<double>());
    case DynamicValue::TEXT: {
      const auto text = value.as<capnp::Text>();
      return Json(std::string(text.cStr(), text.size())).dump();
    }
    case DynamicValue::DATA: return '"' + base64_encoded(value.as<capnp::Data>()) + '"';
    case DynamicValue::ENUM:
      return '"' + std::string(KJ_ASSERT_NONNULL(value.as<capnp::DynamicEnum>().getEnumerant()).getProto().getName()) +
             '"';
    case DynamicValue::STRUCT: return text_of(value.as<DynamicStruct>());
    case DynamicValue::LIST: return text_of(value.as<DynamicList>());
    default: return "null";
  }
}

std::string text_of(DynamicList::Reader list) {
  std::string out = "[";
  for (const auto element : list) {
    if (out.size() > 1) out += ',';
    out += text_of(element, list.getSchema().getElementType());
  }
  return out + ']';
}

std::string text_of(DynamicStruct::Reader from) {
  std::string out = "{";
  for (const auto field : from.getSchema().getFields()) {
    const bool is_union_member = field.getProto().getDiscriminantValue() != capnp::schema::Field::NO_DISCRIMINANT;
    const bool is_active = !is_union_member || KJ_ASSERT_NONNULL(from.which()) == field;
    const bool is_set = from.has(field) || field.getProto().isGroup();
    if (!is_active || (!is_set && !is_union_member)) continue;
    if (out.size() > 1) out += ',';
    out += '"' + std::string(field.getProto().getName()) + "\":";
    out += is_set ? text_of(from.get(field), field.getType()) : "null";
  }
  return out + '}';
}

void publish(const std::string& topic, const std::string& cases) {
  polybus::Node node("publisher-cpp");
  auto publisher = node.publisher<Everything>(topic);
  if (!publisher.wait_for_subscribers(1, kPatience)) throw polybus::Error(polybus::Code::timeout, "nobody came");
  std::ifstream file(cases);
  for (std::string line; std::getline(file, line);) {
    publisher.publish([&](Everything::Builder message) { fill(message, Json::parse(line)); });
  }
}

void subscribe(const std::string& topic, int count) {
  polybus::Node node("subscriber-cpp");
  auto subscriber = node.subscriber<Everything>(topic, {.queue = 1024});
  for (int i = 0; i < count; ++i) {
    const auto sample = subscriber.take(kPatience);
    if (!sample) throw polybus::Error(polybus::Code::timeout, "nothing came");
    std::cout << text_of(DynamicStruct::Reader(sample.msg())) << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5) return 2;
  if (std::strcmp(argv[1], "pub") == 0) {
    publish(argv[2], argv[4]);
  } else {
    subscribe(argv[2], std::stoi(argv[4]));
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}

// C++'s part of test_conformance.py: `conformance-runner MODE TOPIC SCHEMA CASES`, with the modes of runner.py. Field by field,
// messages are built and walked with Cap'n Proto's own dynamic interface, so that nothing of Polybus but the transport is on
// this path; as one object they are published as JSON.
#include <capnp/any.h>
#include <capnp/dynamic.h>
#include <capnp/message.h>
#include <capnp/schema.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <polybus/polybus.hpp>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

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

void set_any(capnp::AnyPointer::Builder to, const Json& from) {
  const auto kind = from.at("$as").get<std::string>();
  const Json& value = from.at("value");
  if (kind == "Text") {
    const auto text = value.get<std::string>();
    to.setAs<capnp::Text>(capnp::Text::Reader(text.c_str(), text.size()));
  } else if (kind == "Data") {
    const std::string bytes = base64_decoded(value.get<std::string>());
    to.setAs<capnp::Data>(capnp::Data::Reader(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  } else if (kind == "Point") {
    fill(to.initAs<Point>(), value);
  } else {
    fill(DynamicList::Builder(capnp::toDynamic(to.initAs<capnp::List<int32_t>>(static_cast<unsigned>(value.size())))),
         value);
  }
}

template <typename To, typename Key, typename InitStruct, typename InitList>
void set(To& to, Key key, capnp::Type type, const Json& value, InitStruct init_struct, InitList init_list) {
  if (type.isEnum() && value.is_number()) {
    to.set(key, capnp::DynamicEnum(type.asEnum(), value.get<uint16_t>()));
    return;
  }
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
    if (field.getType().isAnyPointer()) {
      set_any(to.get(field).as<capnp::AnyPointer>(), value);
      continue;
    }
    if (value.is_null() && !field.getType().isVoid()) {
      to.clear(field);  // a member of a union: selected, and null
      continue;
    }
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
    case DynamicValue::ENUM: {
      const auto number = value.as<capnp::DynamicEnum>();
      KJ_IF_MAYBE (known, number.getEnumerant()) return '"' + std::string(known->getProto().getName()) + '"';
      return std::to_string(number.getRaw());
    }
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

// ---- one field

std::string as_type(capnp::AnyPointer::Reader any, const std::string& kind) {
  if (kind == "Text") return text_of(any.getAs<capnp::Text>(), capnp::Type::from<capnp::Text>());
  if (kind == "Data") return text_of(any.getAs<capnp::Data>(), capnp::Type::from<capnp::Data>());
  if (kind == "Point") return text_of(DynamicStruct::Reader(any.getAs<Point>()));
  return text_of(DynamicList::Reader(capnp::toDynamic(any.getAs<capnp::List<int32_t>>())));
}

// What a path leads to, "clouds[0][1].label" or "shape.which()", as JSON.
std::string at(DynamicStruct::Reader message, const std::string& path, const Json& get) {
  DynamicValue::Reader value = message;
  capnp::Type type = message.getSchema();
  static const std::regex steps(R"(([A-Za-z0-9]+)(\(\))?|\[(\d+)\])");
  for (std::sregex_iterator step(path.begin(), path.end(), steps), end; step != end; ++step) {
    if ((*step)[3].matched) {
      type = type.asList().getElementType();
      value = value.as<DynamicList>()[static_cast<unsigned>(std::stoul((*step)[3]))];
    } else if ((*step)[2].matched) {
      const auto active = KJ_ASSERT_NONNULL(value.as<DynamicStruct>().which());
      return '"' + std::string(active.getProto().getName()) + '"';
    } else {
      const auto field = value.as<DynamicStruct>().getSchema().getFieldByName((*step)[1].str().c_str());
      type = field.getType();
      value = value.as<DynamicStruct>().get(field);
    }
  }
  return get.contains("as") ? as_type(value.as<capnp::AnyPointer>(), get.at("as")) : text_of(value, type);
}

// ---- modes

std::vector<Json> lines_of(const std::string& cases) {
  std::ifstream file(cases);
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
  return lines;
}

template <typename Publisher>
void publish(Publisher publisher, const std::vector<Json>& lines) {
  if (!publisher.wait_for_subscribers(1, kPatience)) throw polybus::Error(polybus::Code::timeout, "nobody came");
  for (const Json& line : lines) {
    const Json& values = line.at("set");
    const std::string text = values.dump();
    if (line.at("how") == "object" && text.find("\"$as\"") == std::string::npos) {
      publisher.publish_json(text);
    } else {
      publisher.publish([&](auto message) { fill(message, values); });
    }
  }
}

// FILE, whose Everything is compiled in here, or FILE:TYPE.
void publish(const std::string& topic, const std::string& schema, const std::vector<Json>& lines) {
  polybus::Node node("publisher-cpp");
  const size_t colon = schema.rfind(':');
  if (colon == std::string::npos) {
    publish(node.publisher<Everything>(topic), lines);
  } else {
    const auto file = polybus::Schema::parse_file(schema.substr(0, colon));
    publish(node.publisher(topic, file.at(schema.substr(colon + 1))), lines);
  }
}

// Knows the topic's type from the registry alone.
void subscribe(const std::string& topic, const std::vector<Json>& lines) {
  polybus::Node node("subscriber-cpp");
  auto subscriber = node.subscriber(topic, {.queue = 1024});
  for (const Json& line : lines) {
    const auto sample = subscriber.take(kPatience);
    if (!sample) throw polybus::Error(polybus::Code::timeout, "nothing came");
    const DynamicStruct::Reader message = sample.msg();
    const std::string text = text_of(message);
    if (Json::parse(text) != Json::parse(sample->to_json())) {
      throw std::runtime_error("to_json() differs: " + sample->to_json());
    }
    std::cout << text << "\t[";
    for (const Json& get : line.at("get")) {
      std::cout << (&get == &line.at("get").front() ? "" : ",") << at(message, get.at("path"), get);
    }
    std::cout << ']' << std::endl;
  }
}

void mistakes(const std::string& topic, const std::vector<Json>& lines) {
  polybus::Node node("mistakes-cpp");
  auto publisher = node.publisher<Everything>(topic);
  for (const Json& line : lines) {
    std::string text = "no error";
    try {
      publisher.publish_json(line.at("set").dump());
    } catch (const polybus::Error& error) {
      text = error.what();
    }
    std::cout << Json::array({text, nullptr}).dump() << std::endl;
  }
}

void constants(const std::string& schema, const std::vector<Json>& names) {
  const auto file = polybus::Schema::parse_file(schema);
  Json values = Json::object();
  for (const std::string name : names) {
    const size_t dot = name.rfind('.');
    const auto type = file.constants(dot == std::string::npos ? "" : name.substr(0, dot)).value();
    capnp::MallocMessageBuilder nothing_set;
    const auto all = nothing_set.getRoot<DynamicStruct>(type.struct_schema()).asReader();
    const auto field = type.struct_schema().getFieldByName(name.substr(dot + 1).c_str());
    values[name] = Json::parse(text_of(all.get(field), field.getType()));
  }
  std::cout << values.dump() << std::endl;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5) return 2;
  const std::string mode = argv[1], topic = argv[2];
  const std::vector<Json> lines = lines_of(argv[4]);
  if (mode == "pub") publish(topic, argv[3], lines);
  if (mode == "sub") subscribe(topic, lines);
  if (mode == "mistakes") mistakes(topic, lines);
  if (mode == "constants") constants(argv[3], lines);
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}

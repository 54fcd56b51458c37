#include "tools/bus-cli/message_text.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bus/message/base64.hpp"
#include "bus/message/json.hpp"
#include "tools/bus-cli/exit_code.hpp"
#include "tools/bus-cli/json_line.hpp"

namespace polybus::cli {
namespace {

constexpr size_t kBytesShown = 32;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) {
                               const auto byte = static_cast<unsigned char>(c);
                               return (byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t' || c == '\r';
                             }) &&
         json_quoted(text).find("\xef\xbf\xbd") == std::string::npos;
}

std::string base64_of(std::span<const std::byte> bytes) {
  std::string out;
  bus::append_base64(out, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  return out;
}

std::string bytes_of_base64(const std::string& text) {
  const auto bytes = bus::decode_base64(text);
  if (!bytes) throw Stop(Exit::usage, "\"data\" is not base64");
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

}  // namespace

std::optional<std::string> json_of(const SampleBase& sample) {
  const std::optional<Schema> schema = sample.schema();
  if (!schema) return std::nullopt;
  return bus::to_json(*schema, sample.data());
}

std::string envelope(const SampleBase& sample, const std::optional<std::string>& msg) {
  const SampleInfo info = sample.info();
  const std::optional<Schema> schema = sample.schema();
  JsonObject line = json_line();
  line.text("topic", info.topic)
      .digits("seq", info.seq)
      .digits("published_ns", info.published_ns)
      .count("pid", info.pid);
  line.text_or_null("type", schema ? schema->type_name() : "").count("size", sample.data().size());
  if (msg) {
    line.raw("msg", *msg);
  } else {
    line.null("msg").text("data", base64_of(sample.data()));
  }
  return line.str();
}

std::string bytes_for_people(std::span<const std::byte> bytes) {
  if (is_printable(text_of(bytes))) return json_quoted(text_of(bytes));
  std::string out = std::to_string(bytes.size()) + " bytes:";
  for (const std::byte byte : bytes.first(std::min(bytes.size(), kBytesShown))) {
    char buffer[8];
    std::snprintf(buffer, sizeof buffer, " %02x", std::to_integer<unsigned>(byte));
    out += buffer;
  }
  return bytes.size() > kBytesShown ? out + " …" : out;
}

std::string value_text(const nlohmann::ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Publication publication_of(std::string_view line, bool typed) {
  const auto json = nlohmann::ordered_json::parse(line, nullptr, false);
  const bool is_envelope = json.is_object() && json.contains("v") && json.contains("msg");
  if (!typed) {
    if (is_envelope && json["msg"].is_null() && json.contains("data") && json["data"].is_string()) {
      return {.json = {}, .bytes = bytes_of_base64(json["data"].get<std::string>())};
    }
    return {.json = {}, .bytes = std::string(line)};
  }
  // The text itself where it can be: numbers keep all their digits.
  if (!is_envelope) return {.json = std::string(line), .bytes = {}};
  if (json["msg"].is_null())
    throw Stop(Exit::schema_mismatch, "a line has bytes of an untyped topic, but this topic is typed");
  return {.json = json["msg"].dump(), .bytes = {}};
}

}  // namespace polybus::cli

#include "tools/bus-cli/json_line.hpp"

#include <charconv>
#include <cmath>

#include "bus/message/json_text.hpp"

namespace polybus::cli {

std::string json_quoted(std::string_view text) {
  std::string out;
  bus::append_json_string(out, text);
  return out;
}

void JsonObject::key(std::string_view name) {
  if (!body_.empty()) body_ += ',';
  body_ += json_quoted(name);
  body_ += ':';
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
  key(name);
  body_ += json;
  return *this;
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) { return raw(name, json_quoted(value)); }
JsonObject& JsonObject::count(std::string_view name, uint64_t value) { return raw(name, std::to_string(value)); }
JsonObject& JsonObject::digits(std::string_view name, uint64_t value) {
  return raw(name, '"' + std::to_string(value) + '"');
}
JsonObject& JsonObject::boolean(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
JsonObject& JsonObject::null(std::string_view name) { return raw(name, "null"); }

JsonObject& JsonObject::number(std::string_view name, double value) {
  if (!std::isfinite(value)) return null(name);
  char buffer[64];
  const double rounded = std::round(value * 1000) / 1000;
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::fabs(rounded) < 1e15 ? rounded : value).ptr;
  return raw(name, std::string_view(buffer, static_cast<size_t>(end - buffer)));
}

JsonObject& JsonObject::list(std::string_view name, const std::vector<JsonObject>& values) {
  std::string json = "[";
  for (const JsonObject& value : values) {
    if (json.size() > 1) json += ',';
    json += value.str();
  }
  return raw(name, json + "]");
}

JsonObject json_line() {
  JsonObject line;
  line.count("v", 1);
  return line;
}

}  // namespace polybus::cli

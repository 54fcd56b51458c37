// JSON for machines: one object per line, fields in the order they were added.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace polybus::cli {

class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value);
  JsonObject& count(std::string_view key, uint64_t value);   // a number: counts, pid, size
  JsonObject& number(std::string_view key, double value);    // to three decimals; not finite: null
  JsonObject& digits(std::string_view key, uint64_t value);  // a string: 64-bit values that may pass 2^53
  JsonObject& boolean(std::string_view key, bool value);
  JsonObject& null(std::string_view key);
  JsonObject& raw(std::string_view key, std::string_view json);
  JsonObject& list(std::string_view key, const std::vector<JsonObject>& values);
  JsonObject& object(std::string_view key, const JsonObject& value) { return raw(key, value.str()); }
  // `text` is empty: null.
  JsonObject& text_or_null(std::string_view key, std::string_view value) {
    return value.empty() ? null(key) : text(key, value);
  }

  std::string str() const { return "{" + body_ + "}"; }

 private:
  void key(std::string_view name);
  std::string body_;
};

// A line of output starts with the version of its fields.
JsonObject json_line();
// `text` as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD.
std::string json_quoted(std::string_view text);

}  // namespace polybus::cli

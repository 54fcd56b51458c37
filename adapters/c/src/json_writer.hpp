// A small writer of JSON text, for the graph: commas, escapes, and 64-bit numbers as strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace polybus::c {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& text(std::string_view value);
  // The empty string as null.
  JsonWriter& text_or_null(std::string_view value);
  JsonWriter& number(uint64_t value);
  // Decimal digits in quotes: what may need 64 bits, which JSON's readers do not keep.
  JsonWriter& big(uint64_t value);
  JsonWriter& boolean(bool value);

  std::string take() && { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();
  void quote(std::string_view value);

  std::string out_;
  bool needs_comma_ = false;
};

}  // namespace polybus::c

// JSON as text: reading it into a flat list of nodes, and quoting strings.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace polybus::bus {

enum class JsonType : uint8_t { null, boolean, number, string, array, object };

// "object", "number", …
std::string_view json_type_text(JsonType type) noexcept;

// Numbers keep their text, so that 64-bit ones lose nothing.
struct JsonNode {
  JsonType type;
  uint32_t count = 0;     // of an array's elements, an object's members
  uint32_t next = 0;      // the node behind this one and all that is in it
  std::string_view text;  // a string's content; a number, true or false as written
};

// A whole JSON text. Node 0 is the value; the nodes of an array's elements follow it, and those of an object's members,
// each a string (the key) and then its value. What the nodes view lives as long as this and the text given.
class JsonDocument {
 public:
  // Throws Error(invalid_argument) with line and column: not JSON (RFC 8259), not UTF-8, a key twice in one object, or
  // nested more than 128 deep.
  explicit JsonDocument(std::string_view text);
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  const JsonNode& node(uint32_t index) const noexcept { return nodes_[index]; }

 private:
  friend class JsonParser;
  std::vector<JsonNode> nodes_;
  std::deque<std::string> unescaped_;  // contents of strings that are not in the text as they are
};

// Appends `text` in quotes. What is not UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace polybus::bus

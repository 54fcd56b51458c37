// "pose.accel[2].x": a place in a message.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace polybus::cli {

class FieldPath {
 public:
  // Throws Stop(usage). A negative index counts from the end.
  explicit FieldPath(const std::string& text);
  const std::string& text() const noexcept { return text_; }
  // Null where the message has no such thing (an inactive union member, a null pointer, an index past the end).
  const nlohmann::ordered_json* find(const nlohmann::ordered_json& message) const;

 private:
  std::string text_;
  std::vector<std::variant<std::string, int64_t>> steps_;
};

}  // namespace polybus::cli

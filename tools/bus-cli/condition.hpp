// `--where`: a condition on a message's fields.
//
//   level == "warn" and values[0] > 0.5        not armed or name ~ "left"
//
// Operands are fields, numbers, "texts", true, false and null; operators == != < <= > >= and ~ (contains); `and`, `or`, `not`
// (also && || !) and parentheses. A field that is not there is null, and only == null holds for it. 64-bit fields, which are
// texts in JSON, compare as numbers with numbers.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace polybus::cli {

class Condition {
 public:
  // Throws Stop(usage) with the place of the mistake.
  explicit Condition(const std::string& text);
  Condition(Condition&&) noexcept;
  ~Condition();
  bool holds(const nlohmann::ordered_json& message) const;

  struct Term;

 private:
  std::unique_ptr<const Term> root_;
};

}  // namespace polybus::cli

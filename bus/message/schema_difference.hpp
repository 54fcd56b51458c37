// Whether two programs that know a topic's messages by different schemas understand each other, and if not, what about.
#pragma once

#include <cstddef>
#include <polybus/schema.hpp>
#include <string>
#include <vector>

namespace polybus::bus {

// By Cap'n Proto's rules of evolution, in both directions at once: every ordinal that both sides know must be the same place
// in the message, of the same type, with the same default, in the same alternative of the same union. What only one side
// knows does no harm; the other one ignores it, or finds it unset. Nothing is made of names of types, ids, comments, the order of
// source lines, and where a type is declared.
//
// Names of fields and enumerants may change, as Cap'n Proto allows: each side reads by its own. But programs that read by name
// take equal names for equal things, so these do not fit:
//   a field's name at two ordinals that both sides know (x and y exchanged); where only one side knows the second ordinal it
//   is the usual way to replace a field (`old @3` was `x @3`, and there is a new `x @7`), and fits;
//   an enumerant's name with two numbers.
struct SchemaDifference {
  struct Line {
    bool is_mismatch = false;  // false: good to know, and does no harm
    std::string text;          // "pose.x @0: Float32 here, Float64 there"
  };
  std::vector<Line> lines;  // nearest to the root first, by ordinal; at most kLinesMax
  size_t mismatches = 0;    // of all, also those beyond kLinesMax
  size_t notes = 0;

  static constexpr size_t kLinesMax = 1000;

  bool fits() const noexcept { return mismatches == 0; }
  // The mismatches as one line of at most `bytes_max` bytes: "…; …; and 3 more".
  std::string summary(size_t bytes_max) const;
};

// `here` and `there` as the lines say it. Bounded, whoever made the schemas.
SchemaDifference difference_of(const Schema& here, const Schema& there);

// Cut to at most `bytes_max`, at a whole character, with "…" for what is missing.
std::string shortened(const std::string& text, size_t bytes_max);

}  // namespace polybus::bus

#include "bus/message/kj_errors.hpp"

#include <string_view>

namespace polybus::bus {

std::string describe(const kj::Exception& exception) {
  std::string_view text(exception.getDescription().cStr(), exception.getDescription().size());
  constexpr std::string_view kExpected = "expected ";
  if (text.starts_with(kExpected)) {
    // "expected a <= b [3 <= 2]; Message contains …": the expression is ours to read, not the user's.
    size_t end = text.find("; ");
    if (end != std::string_view::npos) text.remove_prefix(end + 2);
  }
  return std::string(text);
}

}  // namespace polybus::bus

#include "bus/memory/size_text.hpp"

#include <charconv>

namespace polybus::bus {

std::optional<uint64_t> size_from_text(std::string_view text) noexcept {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc()) return std::nullopt;
  int shift = 0;
  if (rest != end) {
    switch (*rest++) {
      case 'k':
      case 'K': shift = 10; break;
      case 'm':
      case 'M': shift = 20; break;
      case 'g':
      case 'G': shift = 30; break;
      case 't':
      case 'T': shift = 40; break;
      default: return std::nullopt;
    }
  }
  if (rest != end || number > (UINT64_MAX >> shift)) return std::nullopt;
  return number << shift;
}

}  // namespace polybus::bus

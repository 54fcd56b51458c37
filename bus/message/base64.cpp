#include "bus/message/base64.hpp"

#include <array>

namespace polybus::bus {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr uint8_t kNoDigit = 255;

constexpr std::array<uint8_t, 256> make_values() {
  std::array<uint8_t, 256> values{};
  for (auto& value : values) value = kNoDigit;
  for (size_t i = 0; i < kDigits.size(); ++i) values[static_cast<uint8_t>(kDigits[i])] = static_cast<uint8_t>(i);
  return values;
}
constexpr auto kValues = make_values();

}  // namespace

void append_base64(std::string& out, std::span<const uint8_t> bytes) {
  size_t begin = out.size();
  out.resize(begin + (bytes.size() + 2) / 3 * 4, '=');
  char* next = out.data() + begin;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t left = bytes.size() - i;
    uint32_t group = uint32_t{bytes[i]} << 16;
    if (left > 1) group |= uint32_t{bytes[i + 1]} << 8;
    if (left > 2) group |= bytes[i + 2];
    next[0] = kDigits[group >> 18];
    next[1] = kDigits[group >> 12 & 63];
    if (left > 1) next[2] = kDigits[group >> 6 & 63];
    if (left > 2) next[3] = kDigits[group & 63];
    next += 4;
  }
}

std::optional<std::vector<uint8_t>> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::vector<uint8_t> bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t group = 0;
  for (size_t i = 0; i < text.size() - padding; ++i) {
    uint8_t value = kValues[static_cast<uint8_t>(text[i])];
    if (value == kNoDigit) return std::nullopt;
    group = group << 6 | value;
    if (i % 4 == 3) {
      for (int shift : {16, 8, 0}) bytes.push_back(static_cast<uint8_t>(group >> shift));
      group = 0;
    }
  }
  // The last group has 8 or 16 bits of content; what is left of its digits must be zero.
  if (padding == 1) {
    if (group & 3) return std::nullopt;
    bytes.push_back(static_cast<uint8_t>(group >> 10));
    bytes.push_back(static_cast<uint8_t>(group >> 2));
  } else if (padding == 2) {
    if (group & 15) return std::nullopt;
    bytes.push_back(static_cast<uint8_t>(group >> 4));
  }
  return bytes;
}

}  // namespace polybus::bus

#include "tools/bus-cli/chaos/message.hpp"

#include <algorithm>

namespace polybus::cli::chaos {
namespace {

std::span<const uint64_t> words_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const uint64_t*>(bytes.data()), bytes.size() / sizeof(uint64_t)};
}

}  // namespace

uint64_t key_of(uint64_t life, uint64_t number) noexcept {
  return life * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9;
}

void write_message(std::span<std::byte> bytes, uint64_t life, uint64_t number) noexcept {
  auto* words = reinterpret_cast<uint64_t*>(bytes.data());
  words[0] = bytes.size();
  words[1] = life;
  words[2] = number;
  std::fill(words + kHeadWords, words + bytes.size() / sizeof(uint64_t), key_of(life, number));
}

bool is_message(std::span<const std::byte> bytes, uint64_t number) noexcept {
  if (bytes.size() < kMessageBytesMin || bytes.size() % sizeof(uint64_t) != 0) return false;
  const auto words = words_of(bytes);
  if (words[0] != bytes.size() || words[2] != number) return false;
  const auto body = words.subspan(kHeadWords);
  return std::all_of(body.begin(), body.end(), [key = key_of(words[1], number)](uint64_t word) { return word == key; });
}

}  // namespace polybus::cli::chaos

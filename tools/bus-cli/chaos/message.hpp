// What the messages of a chaos run carry: enough to tell a wrong byte, a mixed message and a wrong order from each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace polybus::cli::chaos {

// | size | life | number | key | key … key |     64-bit words, little-endian
//
// `life` is the publishing process's, `number` what the bus must call the message: its sequence. `key` follows from both, so
// that bytes of two messages in one are found. Every language writes and checks the same words (worker.py, worker.cjs).
inline constexpr size_t kHeadWords = 3;
inline constexpr size_t kMessageBytesMin = 64;

uint64_t key_of(uint64_t life, uint64_t number) noexcept;
// `bytes` is a multiple of 8 and at least kMessageBytesMin long.
void write_message(std::span<std::byte> bytes, uint64_t life, uint64_t number) noexcept;
// Whether it is a message, whole, with this number.
bool is_message(std::span<const std::byte> bytes, uint64_t number) noexcept;

}  // namespace polybus::cli::chaos

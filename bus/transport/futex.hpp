// Sleeping on a word in shared memory, and waking whoever does, there or at a descriptor. Never a lock: nobody's progress
// depends on a sleeper.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>
#include <optional>

namespace polybus::bus {

using Clock = std::chrono::steady_clock;
using Deadline = std::optional<Clock::time_point>;  // none: for ever

// Deadline of a timeout; negative: none.
inline Deadline deadline_after(std::chrono::nanoseconds timeout) {
  if (timeout < std::chrono::nanoseconds::zero()) return std::nullopt;
  const auto now = Clock::now();
  if (timeout > Clock::time_point::max() - now) return std::nullopt;
  return now + timeout;
}

enum class FutexWait { woken, timeout, interrupted };

// Returns at once (woken) if the word is no longer `expected`. May wake for no reason.
inline FutexWait futex_wait(std::atomic<uint32_t>& word, uint32_t expected, const Deadline& deadline) noexcept {
  timespec until{};
  if (deadline) {
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline->time_since_epoch()).count();
    until = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  }
  // FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC, which steady_clock is on Linux.
  const long result = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, deadline ? &until : nullptr, nullptr,
                                FUTEX_BITSET_MATCH_ANY);
  if (result == 0 || errno == EAGAIN) return FutexWait::woken;
  if (errno == ETIMEDOUT) return FutexWait::timeout;
  if (errno == EINTR) return FutexWait::interrupted;
  return FutexWait::woken;
}

inline void futex_wake_all(std::atomic<uint32_t>& word) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

inline void write_event(int fd) noexcept {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof one);  // full means readable already
}

}  // namespace polybus::bus

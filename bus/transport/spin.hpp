// How long a waiter looks before it sleeps. To sleep and be woken costs both sides system calls and, where the processor went
// idle meanwhile, tens of microseconds in a virtual machine: much more than the message itself.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

namespace polybus::bus {

// Decides from what the last waits were like, so that only who gets messages faster than he can be woken ever spins:
//
// - A sleep tells how long waking takes. Twice that, kSpinMax at most, is worth spinning: it costs no more than what it saves.
// - The next wait spins only if the last message came that soon, and goes on for as long as spinning finds something.
// - Spinning in vain (the sender needs this very processor, say) doubles the number of waits that do not try again.
//
// An idle bus therefore never spins. By the threads of one process, one at a time.
class Spin {
 public:
  using Duration = std::chrono::nanoseconds;
  static constexpr Duration kSpinMax = std::chrono::microseconds(100);

  explicit Spin(bool has_others = std::thread::hardware_concurrency() > 1) noexcept : has_others_(has_others) {}

  // How long to look before this wait's sleep; zero: not at all.
  Duration begin() noexcept {
    if (!is_worth_it_ || !has_others_) return Duration::zero();
    if (skip_ != 0) {
      --skip_;
      return Duration::zero();
    }
    return worth_;
  }

  void found() noexcept { penalty_ = 0; }

  void missed() noexcept {
    penalty_ = std::min(2 * penalty_ + 1, kPenaltyMax);
    skip_ = penalty_;
  }

  // A message came `arrival` after the wait began, and the sleeper was up `waking` after that.
  void slept(Duration arrival, Duration waking) noexcept {
    waking_ = waking_ == Duration::zero() ? waking : waking_ + (waking - waking_) / 8;
    worth_ = std::min(2 * waking_, kSpinMax);
    is_worth_it_ = arrival <= worth_;
  }

 private:
  static constexpr uint32_t kPenaltyMax = 1023;

  const bool has_others_;  // with one processor the sender cannot send while we look
  Duration waking_{0};
  Duration worth_{0};
  bool is_worth_it_ = false;
  uint32_t penalty_ = 0;
  uint32_t skip_ = 0;
};

// Tells the processor that this is a loop that waits.
inline void pause_briefly() noexcept { __builtin_ia32_pause(); }

}  // namespace polybus::bus

// A word in shared memory that says whether somebody sleeps, for those who have something to tell him.
#pragma once

#include <atomic>
#include <cstdint>

#include "bus/memory/fault_point.hpp"

namespace polybus::bus {

//   bits 0-1  phase: idle, armed, ringing        bits 2-31  the number of the arming
//
// Who is about to sleep arms the bell, looks once more for what he waits for, and sleeps only while the word is as it was
// then. Whoever finds it armed takes it to ringing, wakes, and takes it to idle; later ringers then save the system call.
// Somebody stopped or killed between these steps leaves it ringing, and everybody who finds it so wakes as well: were it
// taken down before the wake, a stopped publisher would silence all others. The number keeps a late ringer from ending the
// ringing of a newer arming, and a thread from sleeping on another's.
//
// Fences are the callers', as layout.hpp says. tests/model/doorbell.py looks at every order of the steps.
class Bell {
 public:
  // What the word is from here on until somebody rings. By the threads of one process, one at a time.
  uint32_t arm() noexcept {
    uint32_t now = word.load(std::memory_order_relaxed);
    while (phase(now) != kArmed) {  // ringers only lead from armed to idle: a few turns at most
      const uint32_t next = (now & ~kPhases) + kNumber + kArmed;
      if (word.compare_exchange_weak(now, next)) return next;
    }
    return now;
  }

  // Calls `wake` if the bell is armed, or ringing by somebody who may never wake.
  template <typename Wake>
  void ring(Wake&& wake) noexcept {
    uint32_t now = word.load(std::memory_order_relaxed);
    if (phase(now) == kIdle) return;
    // If it changed meanwhile, it was rung, or armed anew by somebody who is yet to look: nothing to do, unless it rings.
    if (phase(now) == kArmed && !word.compare_exchange_strong(now, now - kArmed + kRinging) && phase(now) != kRinging)
      return;
    finish(now, wake);
  }

  // Calls `wake` whatever the word says.
  template <typename Wake>
  void ring_anyway(Wake&& wake) noexcept {
    uint32_t now = word.load();
    if (phase(now) == kArmed) word.compare_exchange_strong(now, now - kArmed + kRinging);
    finish(now, wake);
  }

  std::atomic<uint32_t> word{0};

 private:
  static constexpr uint32_t kIdle = 0, kArmed = 1, kRinging = 2, kPhases = 3, kNumber = 4;
  static uint32_t phase(uint32_t word) noexcept { return word & kPhases; }

  template <typename Wake>
  void finish(uint32_t number, Wake& wake) noexcept {
    fault_point("bell.ringing");
    wake();
    fault_point("bell.woken");
    uint32_t rung = (number & ~kPhases) | kRinging;
    word.compare_exchange_strong(rung, rung & ~kPhases);
  }
};

}  // namespace polybus::bus

// How a subscriber waits for something to take: on the doorbell, after a short look, or by a descriptor.
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <polybus/error.hpp>

#include "bus/memory/fault_point.hpp"
#include "bus/transport/subscriber_state.hpp"

namespace polybus::bus {
namespace {

// A signal that comes while its thread spins does not end the sleep behind it: this is how late it may be noticed.
constexpr auto kHeedingSpinMax = std::chrono::milliseconds(100);

bool is_any_set(const SubscriberBlock& block) noexcept {
  return std::any_of(std::begin(block.ready), std::end(block.ready),
                     [](const auto& word) { return word.load(std::memory_order_relaxed) != 0; });
}

// How often a sleeper looks for what came over connections of an earlier run, whose bell it does not hear any more.
constexpr auto kLeavingPatience = std::chrono::seconds(1);

}  // namespace

// For as long as that has paid lately. The lock is not held meanwhile, and what is found is left to the caller.
void SubscriberPort::State::look_before_sleeping(const Deadline& deadline) {
  std::shared_ptr<Window> window;  // keeps the block mapped
  const SubscriberBlock* block = nullptr;
  Clock::time_point until;
  {
    std::lock_guard lock(mutex);
    if (closed || !ring.empty() || any_ready()) return;
    const auto patience = spin.begin();
    if (patience == Clock::duration::zero()) return;
    until = Clock::now() + patience;
    window = place.window;
    block = place.block;
  }
  if (deadline) until = std::min(until, *deadline);
  bool has_come = is_any_set(*block);
  while (!has_come && Clock::now() < until) {
    pause_briefly();
    has_come = is_any_set(*block);
  }
  std::lock_guard lock(mutex);
  has_come ? spin.found() : spin.missed();
}

// Of a sleep that ended with something to take.
void SubscriberPort::State::note_sleep(Clock::time_point began) noexcept {
  if (ring.empty()) return;
  const Clock::time_point came{std::chrono::nanoseconds(ring.back()->header().published_monotonic_ns)};
  const Clock::time_point now = Clock::now();
  // Else it was on its way before the wait began, or its stamp is somebody's invention.
  if (came >= began && came <= now) spin.slept(came - began, now - came);
}

Waited SubscriberPort::wait(std::chrono::nanoseconds timeout, bool heeds_signals) {
  const Clock::time_point began = Clock::now();
  const Deadline deadline = deadline_after(timeout);
  const bool ends_soon = timeout >= std::chrono::nanoseconds::zero() && timeout <= kHeedingSpinMax;
  if (timeout != std::chrono::nanoseconds::zero() && (ends_soon || !heeds_signals))
    state_->look_before_sleeping(deadline);
  for (bool has_slept = false;; has_slept = true) {
    std::shared_ptr<Window> window;  // keeps the word mapped while we sleep on it
    SubscriberBlock* block = nullptr;
    uint32_t armed = 0;
    Deadline until = deadline;
    {
      Discarded discarded;
      std::lock_guard lock(state_->mutex);
      State& state = *state_;
      if (state.closed) return Waited::closed;
      block = state.place.block;
      window = state.place.window;
      const auto something = [&] {
        state.drain(&discarded);
        return !state.ring.empty() || (state.at_held_bound() && state.any_ready());
      };
      if (something()) {
        if (has_slept) state.note_sleep(began);
        return Waited::ready;
      }
      if (timeout == std::chrono::nanoseconds::zero()) return Waited::timeout;
      armed = block->bell.arm();  // S1
      fault_point("wait.armed");
      std::atomic_thread_fence(std::memory_order_seq_cst);  // S2
      if (something()) return Waited::ready;                // S3
      if (!state.leaving.empty())
        until = std::min(deadline.value_or(Clock::time_point::max()), Clock::now() + kLeavingPatience);
    }
    fault_point("wait.about_to_sleep");
    switch (futex_wait(block->bell.word, armed, until)) {  // S4
      case FutexWait::woken: break;
      case FutexWait::timeout:
        if (until == deadline) return Waited::timeout;
        break;
      case FutexWait::interrupted: return Waited::interrupted;
    }
  }
}

int SubscriberPort::wake_fd() {
  std::lock_guard lock(state_->mutex);
  state_->throw_if_unusable();
  if (state_->wake_fd >= 0) return state_->wake_fd;
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0)
    throw Error(
        errno == EMFILE || errno == ENFILE ? Code::limit : Code::io,
        "topic " + config_.topic + ": no descriptor for waiting (" + std::strerror(errno) + "); raise `ulimit -n`");
  state_->wake_fd = fd;
  // Readable from the start: whoever waits looks once, and the take() that finds nothing arms it.
  ring(state_->place.block, fd);
  return fd;
}

}  // namespace polybus::bus

#include "tools/bus-cli/counters.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "bus/transport/stat.hpp"

namespace polybus::cli {
namespace {

uint64_t value(const std::atomic<uint64_t>& counter) noexcept { return counter.load(std::memory_order_relaxed); }

uint64_t now_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

struct Reading {
  uint64_t ns = 0, messages = 0, bytes = 0;
};

// The earlier reading that the publisher left for us: the older one where there are two. ns 0: none yet.
Reading earlier_reading(const bus::StatSlot& slot) {
  const auto read = [](const bus::StatSlot::Mark& mark) {
    return Reading{value(mark.monotonic_ns), value(mark.messages), value(mark.bytes)};
  };
  for (int tries = 0; tries < 8; ++tries) {
    const uint64_t turn = slot.mark_turn.load(std::memory_order_acquire);
    const Reading older = read(slot.marks[turn / 2 % 2]), newer = read(slot.marks[(turn / 2 + 1) % 2]);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (turn % 2 == 0 && value(slot.mark_turn) == turn) return older.ns != 0 ? older : newer;
  }
  return {};  // its writer was stopped or killed just there
}

// Over the window from the reading to now, which is 1 to 2 s for a publisher that sends. One that is slower than that keeps
// its rate while its next message is not overdue by more than its own period; then it is 0.
void add_rate(const bus::StatSlot& slot, Counters& counters) {
  const Reading from = earlier_reading(slot);
  if (from.ns == 0 || counters.messages <= from.messages) return;
  const auto messages = static_cast<double>(counters.messages - from.messages);
  const double idle =
      std::max(0.0, static_cast<double>(now_ns(CLOCK_REALTIME)) - static_cast<double>(counters.last_realtime_ns));
  const double window = static_cast<double>(now_ns(CLOCK_MONOTONIC)) - static_cast<double>(from.ns);
  const double until_last = std::max(1.0, window - idle);
  const double period = until_last / messages;
  if (idle > std::max(1e9, 2 * period)) return;
  // Up to the last message while the next is not due yet, else up to now.
  const double seconds = (idle <= period ? until_last : window) / 1e9;
  counters.hz = messages / seconds;
  counters.bytes_per_s = static_cast<double>(counters.bytes - from.bytes) / seconds;
}

}  // namespace

Counters read_counters(const bus::StatSlot& slot) {
  Counters counters;
  counters.messages = value(slot.messages);
  counters.bytes = value(slot.bytes);
  counters.last_realtime_ns = value(slot.last_realtime_ns);
  counters.lost = value(slot.lost);
  counters.level = value(slot.level);
  counters.held = value(slot.held);
  counters.memory_bytes = value(slot.memory_bytes);
  counters.quota_bytes = value(slot.quota_bytes);
  counters.peers = value(slot.peers);
  for (size_t i = 0; i < counters.latency.size(); ++i) counters.latency[i] = value(slot.latency[i]);
  if (slot.kind == 1) add_rate(slot, counters);
  return counters;
}

uint64_t total(const std::array<uint64_t, 32>& latency) {
  uint64_t sum = 0;
  for (const uint64_t count : latency) sum += count;
  return sum;
}

double percentile_ns(const std::array<uint64_t, 32>& latency, double share) {
  const double wanted = share * static_cast<double>(total(latency));
  double below = 0;
  for (size_t i = 0; i < latency.size(); ++i) {
    const auto here = static_cast<double>(latency[i]);
    if (here > 0 && below + here >= wanted) {
      return std::exp2(static_cast<double>(i) +
                       (wanted - below) / here);  // as if spread evenly within the power of two
    }
    below += here;
  }
  return 0;
}

}  // namespace polybus::cli

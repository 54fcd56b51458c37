// What a subscriber's port knows, shared by the parts of it: moving arrivals (subscriber_state.cpp), waiting for them
// (subscriber_waiting.cpp), and the port itself.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "bus/memory/fork_guard.hpp"
#include "bus/transport/futex.hpp"
#include "bus/transport/inlet.hpp"
#include "bus/transport/limits.hpp"
#include "bus/transport/seen_publishers.hpp"
#include "bus/transport/spin.hpp"
#include "bus/transport/stat.hpp"
#include "bus/transport/subscriber_port.hpp"

namespace polybus::bus {

// What must be destroyed only after the port's lock is let go: the end of a message can be the end of its connection,
// which calls out.
struct Discarded {
  std::vector<std::shared_ptr<Received>> messages;
  std::vector<std::shared_ptr<Inlet>> inlets;
};

inline void bump(std::atomic<uint64_t>& counter, uint64_t by) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);  // one writer each
}

struct SubscriberPort::State {
  State(SubscriberConfig config, SubscriberPlace where, std::function<void(uint64_t)> on_closed)
      : config(std::move(config)),
        place(std::move(where)),
        on_closed(std::make_shared<const Inlet::OnClosed>(std::move(on_closed))) {}
  ~State() {
    if (wake_fd >= 0) ::close(wake_fd);
  }

  const SubscriberConfig config;
  mutable std::mutex mutex;
  SubscriberPlace place;
  std::shared_ptr<const Inlet::OnClosed> on_closed;
  std::vector<std::shared_ptr<Inlet>> inlets;   // by ready index, null where free
  std::vector<std::shared_ptr<Inlet>> leaving;  // of an earlier run of the bus: polled until drained
  std::deque<std::shared_ptr<Received>> ring;   // arrivals not taken yet, oldest first, at most queue_depth
  std::shared_ptr<Received> newest;             // by publish time, for latest()
  SeenPublishers seen;                          // over restarts of busd
  std::atomic<uint32_t> held{0};
  uint64_t taken = 0;
  uint64_t dropped_in_ring = 0;
  uint64_t lost_before_ring = 0;  // gaps in the sequences that came out of the queues
  bool closed = false;
  int wake_fd = -1;
  Spin spin;
  ForkGuard fork;

  bool any_ready() const noexcept;
  bool is_connected(uint64_t publisher_id) const noexcept;
  void drain(Discarded* discarded);
  bool drain_one(Inlet& inlet, Discarded* discarded);
  bool start(Inlet& inlet, Discarded* discarded);
  void note_seen(Inlet& inlet, Discarded* discarded);
  void retire_drained(std::shared_ptr<Inlet>& inlet, Discarded* discarded);
  void arrive(std::shared_ptr<Received> message, Discarded* discarded);
  bool ring_is_full() const noexcept { return ring.size() >= config.queue_depth; }
  bool at_held_bound() const noexcept { return held.load(std::memory_order_relaxed) >= kHeldMax; }
  void throw_if_unusable() const;
  uint64_t lost() const noexcept;
  void write_counters(uint64_t bytes, uint64_t published_ns) noexcept;
  Sample hand_out(std::shared_ptr<Received> message, const std::shared_ptr<State>& self);
  void look_before_sleeping(const Deadline& deadline);
  void note_sleep(Clock::time_point began) noexcept;
};

}  // namespace polybus::bus

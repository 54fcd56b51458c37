// One connection as its subscriber sees it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "bus/memory/fork_guard.hpp"
#include "bus/transport/layout.hpp"
#include "bus/transport/subscriber_port.hpp"

namespace polybus::bus {

// Kept by the port while messages may come, and by every message taken from it. With the last of them the extent is let
// go and `on_closed` called: from then on nothing here touches the connection.
class Inlet : public std::enable_shared_from_this<Inlet> {
 public:
  using OnClosed = std::function<void(uint64_t connection_id)>;

  Inlet(ConnectSpec spec, std::shared_ptr<Window> window, std::shared_ptr<const OnClosed> on_closed);
  ~Inlet();
  Inlet(const Inlet&) = delete;
  Inlet& operator=(const Inlet&) = delete;

  uint64_t id() const noexcept { return spec_.connection_id; }
  const ConnectSpec& spec() const noexcept { return spec_; }
  ConnectionBlock& block() const noexcept { return *spec_.connection; }
  uint64_t dropped() const noexcept { return block().dropped.load(std::memory_order_relaxed); }
  bool is_empty() const noexcept { return block().queue.empty(); }
  // Messages that never came out of the queue, and of which no later one has told yet.
  uint64_t unseen_losses() const noexcept {
    const uint64_t evicted = dropped() + broken;
    return evicted > skipped ? evicted - skipped : 0;
  }
  // Nothing more comes: the publisher said so, or busd did.
  bool is_done() const noexcept {
    return publisher_gone || block().state.load(std::memory_order_acquire) == ConnectionState::publisher_done;
  }

  // Of an earlier run of the bus, whose publisher was not told of it: from here on it will not attach. False: it has.
  bool abandon_unattached() noexcept;

  // The oldest message in the queue, or null. One thread at a time (the port's lock). A message whose offset or header
  // cannot be is given back and skipped: *broken counts it.
  std::shared_ptr<Received> pop(uint64_t* broken);
  // From any thread.
  void give_back(const Received& message) noexcept;

  // The port's lock covers these.
  bool publisher_gone = false;
  bool leaving = false;          // of an earlier run of the bus
  bool started = false;          // the next three are valid
  uint64_t newest_sequence = 0;  // of what was delivered, by the earlier run or this one
  uint64_t popped_sequence = 0;
  uint64_t skipped = 0;  // gaps in what was popped: evicted, each counted in dropped() or broken
  uint64_t broken = 0;

 private:
  std::shared_ptr<Received> open(uint32_t slot, uint64_t chunk_offset);

  ConnectSpec spec_;
  std::shared_ptr<Window> window_;
  std::shared_ptr<const OnClosed> on_closed_;
  std::mutex return_mutex_;  // many threads release, the return queue has one producer
  ForkGuard fork_;
};

}  // namespace polybus::bus

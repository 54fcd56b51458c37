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
  // Nothing more comes: the publisher said so, or busd did.
  bool is_done() const noexcept {
    return publisher_gone || block().state.load(std::memory_order_acquire) == ConnectionState::publisher_done;
  }

  // The oldest message in the queue, or null. One thread at a time (the port's lock). A message whose offset or header
  // cannot be is given back and skipped: *broken counts it.
  std::shared_ptr<Received> pop(uint64_t* broken);
  // From any thread.
  void give_back(const Received& message) noexcept;

  bool publisher_gone = false;  // the port's lock covers these
  uint64_t newest_sequence = 0;

 private:
  std::shared_ptr<Received> open(uint32_t slot, uint64_t chunk_offset);

  ConnectSpec spec_;
  std::shared_ptr<Window> window_;
  std::shared_ptr<const OnClosed> on_closed_;
  std::mutex return_mutex_;  // many threads release, the return queue has one producer
  ForkGuard fork_;
};

}  // namespace polybus::bus

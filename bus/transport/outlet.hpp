// One connection as its publisher sees it: what was lent through it, and what comes back.
#pragma once

#include <memory>
#include <vector>

#include "bus/memory/chunk_pools.hpp"
#include "bus/transport/layout.hpp"
#include "bus/transport/publisher_port.hpp"

namespace polybus::bus {

// Covered by the port's lock. Private memory, so a subscriber that is killed at any instruction costs nothing: the
// destructor takes back whatever the table says is lent.
class Outlet {
 public:
  Outlet(AttachSpec spec, ChunkPools& pools);
  ~Outlet();
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;

  uint64_t id() const noexcept { return spec_.connection_id; }
  const AttachSpec& spec() const noexcept { return spec_; }
  ConnectionBlock& block() const noexcept { return *spec_.connection; }
  uint32_t lent() const noexcept { return static_cast<uint32_t>(lent_.size() - free_slots_.size()); }
  bool is_open() const noexcept { return block().state.load(std::memory_order_acquire) == ConnectionState::open; }
  bool has_room() const noexcept { return block().queue.size() < block().queue.capacity(); }

  // Frees what the subscriber gave back since the last time.
  void collect() noexcept;
  // Lends the chunk and queues it; evicts the oldest message where the queue is full.
  void push(ChunkId chunk) noexcept;
  // Makes the subscriber look: sets the ready bit, wakes who sleeps, writes the eventfd if it is armed.
  void ring() noexcept;
  void set_wake_fd(int fd) noexcept;

 private:
  AttachSpec spec_;
  ChunkPools& pools_;
  std::vector<ChunkId> lent_;         // by slot
  std::vector<uint16_t> free_slots_;  // last in, first out: the table's pages in use stay few
};

}  // namespace polybus::bus

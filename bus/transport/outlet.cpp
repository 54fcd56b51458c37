#include "bus/transport/outlet.hpp"

#include <unistd.h>

#include "bus/memory/fault_point.hpp"
#include "bus/transport/futex.hpp"

namespace polybus::bus {

Outlet::Outlet(AttachSpec spec, ChunkPools& pools)
    : spec_(std::move(spec)), pools_(pools), lent_(kLendSlots, ChunkId::none) {
  free_slots_.reserve(kLendSlots);
  for (uint32_t slot = kLendSlots; slot-- > 0;) free_slots_.push_back(static_cast<uint16_t>(slot));
}

Outlet::~Outlet() {
  for (ChunkId chunk : lent_)
    if (chunk != ChunkId::none) pools_.release(chunk);
  if (spec_.wake_fd >= 0) ::close(spec_.wake_fd);
}

void Outlet::collect() noexcept {
  uint32_t slot = 0;
  while (block().returned.pop(slot)) {
    fault_point("send.slot_came_back");
    // A slot that is not lent was given back twice: the other side is broken, our counts are not.
    if (slot >= lent_.size() || lent_[slot] == ChunkId::none) continue;
    pools_.release(lent_[slot]);
    lent_[slot] = ChunkId::none;
    free_slots_.push_back(static_cast<uint16_t>(slot));
  }
}

void Outlet::push(ChunkId chunk) noexcept {
  collect();
  if (free_slots_.empty()) {  // a broken subscriber holds more than it may: its loss
    block().dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  lent_[slot] = chunk;
  pools_.add_reference(chunk);
  fault_point("send.lent");
  // Relaxed: the queue's release store of its write position publishes it together with the chunk's content.
  block().lent[slot].store(pools_.offset(chunk), std::memory_order_relaxed);
  fault_point("send.offset_written");
  uint32_t evicted = 0;
  const bool had_room = block().queue.push(slot, evicted);
  fault_point("send.pushed");
  if (had_room) return;
  block().dropped.fetch_add(1, std::memory_order_relaxed);
  fault_point("send.drop_counted");
  if (evicted >= lent_.size() || lent_[evicted] == ChunkId::none) return;
  pools_.release(lent_[evicted]);
  lent_[evicted] = ChunkId::none;
  free_slots_.push_back(static_cast<uint16_t>(evicted));
}

// P2 to P4 of the doorbell, see layout.hpp.
void Outlet::ring() noexcept {
  SubscriberBlock& bell = *spec_.subscriber;
  std::atomic<uint64_t>& ready = bell.ready[block().ready_index / 64];
  const uint64_t bit = 1ULL << (block().ready_index % 64);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // A bit that is set was set for an earlier message and not yet taken down: the subscriber takes it down before it pops,
  // so it will find this message as well.
  fault_point("send.about_to_set_ready");
  if ((ready.load(std::memory_order_relaxed) & bit) == 0) ready.fetch_or(bit, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  fault_point("send.ready_set");
  bell.bell.ring([&] { futex_wake_all(bell.bell.word); });
  fault_point("send.bell_rung");
  if (spec_.wake_fd >= 0) bell.fd_bell.ring([&] { write_event(spec_.wake_fd); });
}

void Outlet::set_wake_fd(int fd) noexcept {
  if (spec_.wake_fd >= 0) ::close(spec_.wake_fd);
  spec_.wake_fd = fd;
  // Messages pushed before the descriptor was here may have found its bell armed and nothing to write: make up for them.
  write_event(fd);
}

}  // namespace polybus::bus

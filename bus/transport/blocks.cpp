#include "bus/transport/blocks.hpp"

#include <unistd.h>

#include <algorithm>
#include <new>

#include "bus/memory/fault_point.hpp"
#include "bus/memory/message_header.hpp"
#include "bus/memory/window.hpp"
#include "bus/transport/futex.hpp"
#include "bus/transport/layout.hpp"
#include "bus/transport/stat.hpp"
#include "iceoryx_posh/mepoo/chunk_header.hpp"

namespace polybus::bus {

uint64_t layout_hash() noexcept {
  const uint64_t facts[] = {
      1,  // version of the protocol between the blocks' users
      kBookBytesMax,
      kQueueMax,
      kHistoryMax,
      kPublishersPerSubscriberMax,
      kLendSlots,
      kEndsMax,
      sizeof(PublisherBlock),
      sizeof(SubscriberBlock),
      sizeof(ConnectionBlock),
      sizeof(StatSlot),
      sizeof(StatHeader),
      sizeof(MessageHeader),
      MessageHeader::kVersion,
      sizeof(iox::mepoo::ChunkHeader),
      iox::mepoo::ChunkHeader::CHUNK_HEADER_VERSION,
  };
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (uint64_t fact : facts)
    for (int byte = 0; byte < 8; ++byte) hash = (hash ^ ((fact >> (8 * byte)) & 0xff)) * 0x100000001b3;
  return hash;
}

PublisherBlock* construct_publisher_block(void* memory, uint64_t publisher_id, uint32_t history) {
  auto* block = new (memory) PublisherBlock();
  block->publisher_id = publisher_id;
  block->history = std::min(history, kHistoryMax);
  return block;
}

SubscriberBlock* construct_subscriber_block(void* memory) { return new (memory) SubscriberBlock(); }

ConnectionBlock* construct_connection_block(void* memory, uint32_t queue_depth, uint32_t ready_index, bool blocking) {
  return new (memory) ConnectionBlock(std::clamp(queue_depth, 1U, kQueueMax), ready_index, blocking);
}

std::vector<KeptValue> read_kept_values(const PublisherBlock* block) {
  std::vector<KeptValue> values;
  for (uint32_t i = 0; i < std::min(block->history, kHistoryMax); ++i) {
    const HistorySlot& slot = block->slots[i];
    const uint64_t before = slot.sequence.load(std::memory_order_acquire);
    KeptValue value{slot.chunk_offset.load(std::memory_order_relaxed), before,
                    slot.published_realtime_ns.load(std::memory_order_relaxed)};
    // The fence keeps the two loads above from moving behind the second look at the sequence.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before != 0 && slot.sequence.load(std::memory_order_relaxed) == before) values.push_back(value);
  }
  std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
  return values;
}

QueueCounts count_queue(const ConnectionBlock* connection) noexcept {
  return {std::min<uint64_t>(connection->queue.size(), kQueueMax), connection->dropped.load(std::memory_order_relaxed)};
}

void push_kept_values(ConnectionBlock* connection, SubscriberBlock* subscriber, const std::vector<KeptValue>& values) {
  uint32_t slot = 0;
  const size_t skipped =
      values.size() > connection->queue.capacity() ? values.size() - connection->queue.capacity() : 0;
  for (size_t i = skipped; i < values.size(); ++i, ++slot) {
    if (slot == 0) connection->base_sequence.store(values[i].sequence, std::memory_order_relaxed);
    connection->lent[slot].store(values[i].chunk_offset, std::memory_order_relaxed);
    uint32_t evicted = 0;
    connection->queue.push(slot, evicted);
    fault_point("registry.kept_value_pushed");
  }
  connection->state.store(ConnectionState::publisher_done, std::memory_order_release);
  subscriber->ready[connection->ready_index / 64].fetch_or(1ULL << (connection->ready_index % 64));
}

void ring(SubscriberBlock* subscriber, int wake_fd) noexcept {
  subscriber->bell.ring_anyway([&] { futex_wake_all(subscriber->bell.word); });
  if (wake_fd >= 0) subscriber->fd_bell.ring_anyway([&] { write_event(wake_fd); });
}

void release_producer(ConnectionBlock* connection) noexcept {
  connection->state.store(ConnectionState::subscriber_closing);
  fault_point("parting.producer_told");
  connection->room_bell.ring_anyway([&] { futex_wake_all(connection->room_bell.word); });
}

bool was_attached(const ConnectionBlock* connection) noexcept {
  return connection->base_sequence.load(std::memory_order_acquire) != 0;
}

}  // namespace polybus::bus

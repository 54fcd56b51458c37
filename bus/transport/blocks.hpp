// What busd lays out in the bookkeeping: one block per publisher, per subscriber and per connection. The types are opaque
// here (layout.hpp has them, with iceoryx's queues); busd places, reads and rings them through these functions only.
#pragma once

#include <cstdint>
#include <vector>

namespace polybus::bus {

struct PublisherBlock;   // kept values; written by the publisher, read by busd
struct SubscriberBlock;  // doorbell and ready bits of one subscriber
struct ConnectionBlock;  // queue and lend table between one publisher and one subscriber

inline constexpr uint64_t kPublisherBlockBytes = 4096;
inline constexpr uint64_t kSubscriberBlockBytes = 1024;
inline constexpr uint64_t kConnectionBlockBytes = 48 << 10;

// Hash over everything two processes must agree on in shared memory: sizes, offsets, capacities, iceoryx's constants.
uint64_t layout_hash() noexcept;

// Placed by busd in memory that nobody else sees yet; the memory may be dirty.
PublisherBlock* construct_publisher_block(void* memory, uint64_t publisher_id, uint32_t history);
SubscriberBlock* construct_subscriber_block(void* memory);
// `ready_index`: which of the subscriber's ready bits is this connection's, 0..kPublishersPerSubscriberMax-1.
ConnectionBlock* construct_connection_block(void* memory, uint32_t queue_depth, uint32_t ready_index, bool blocking);

// A value that outlives its publisher, as its history ring tells. Slots a kill left half-written are left out.
struct KeptValue {
  uint64_t chunk_offset;  // in the window
  uint64_t sequence;
  uint64_t published_realtime_ns;
};
std::vector<KeptValue> read_kept_values(const PublisherBlock* block);

// What waits in a connection's queue and what was evicted from it, as of about now. Both are the processes' word.
struct QueueCounts {
  uint64_t queued = 0, dropped = 0;
};
QueueCounts count_queue(const ConnectionBlock* connection) noexcept;

// busd as the sender of a dead publisher's kept values, oldest first. Call once, before the subscriber hears of the
// connection; nothing needs to be counted, because nobody allocates from a dead publisher's extent any more.
void push_kept_values(ConnectionBlock* connection, SubscriberBlock* subscriber, const std::vector<KeptValue>& values);

// Wakes whoever sleeps on the subscriber; `wake_fd` (its eventfd, or -1) is written as well. For busd after a death, and
// after anything a sleeping subscriber must look at. Never blocks.
void ring(SubscriberBlock* subscriber, int wake_fd) noexcept;

// Frees a publisher's thread that waits for room in this connection (its subscriber is dead or gone).
void release_producer(ConnectionBlock* connection) noexcept;
// Whether the publisher has ever come to this connection.
bool was_attached(const ConnectionBlock* connection) noexcept;

}  // namespace polybus::bus

// The blocks of the bookkeeping, as they lie in shared memory. Frozen per major version: layout_hash() tells.
#pragma once

#include <atomic>
#include <cstdint>

#include "bus/transport/bell.hpp"
#include "bus/transport/blocks.hpp"
#include "bus/transport/limits.hpp"
#include "iceoryx_hoofs/internal/concurrent/sofi.hpp"

namespace polybus::bus {

// ---- kept values -----------------------------------------------------------------------------------------------------
// Slot `sequence % history` of a ring. One writer, the publisher; a reader takes the slot if `sequence` is not 0 and the
// same before and after. A kill between the writer's steps leaves sequence 0: the slot is then simply not there.
struct HistorySlot {
  std::atomic<uint64_t> sequence;
  std::atomic<uint64_t> chunk_offset;
  std::atomic<uint64_t> published_realtime_ns;
};

struct PublisherBlock {
  uint64_t publisher_id;
  uint32_t history;
  HistorySlot slots[kHistoryMax];
};
static_assert(sizeof(PublisherBlock) <= kPublisherBlockBytes);

// ---- doorbell --------------------------------------------------------------------------------------------------------
// One per subscriber, so that 1,000 topics in a process do not wake each other's threads.
//
//   publisher                                   subscriber
//   P1 push into the queue                      S1 arm the bell
//   P2 fence (seq_cst)                          S2 fence (seq_cst)
//   P3 set the connection's ready bit           S3 look at all ready bits: something there? do not sleep
//   P4 ring: is it armed, wake                  S4 sleep while the bell is as S1 left it
//
// Either P4 sees S1, or S3 sees P3: both fences are totally ordered. A publisher stopped anywhere here holds back its own
// message only (bell.hpp); for one that dies here busd rings, and the subscriber's process sets the ready bit. The same holds
// for the eventfd, with a bell of its own. tests/model/test_wake.py checks all interleavings.
inline constexpr uint32_t kReadyWords = kPublishersPerSubscriberMax / 64;

struct SubscriberBlock {
  alignas(64) Bell bell;  // armed while somebody sleeps on its word or is about to
  Bell fd_bell;           // armed while the eventfd is to be written for the next message
  alignas(64) std::atomic<uint64_t> ready[kReadyWords];  // by the connection's ready_index
};
static_assert(sizeof(SubscriberBlock) <= kSubscriberBlockBytes);

// ---- connection ------------------------------------------------------------------------------------------------------
// The publisher lends a chunk by writing its offset into a free slot of the table and pushing the slot's number; the
// subscriber pops the number, reads the offset, and sends the number back when the last sample of it is released. The
// publisher's process alone knows which slots are free and counts what is lent: when the subscriber dies at any
// instruction, everything in the table is simply taken back.
inline constexpr uint32_t kLendSlots = kQueueMax + kQueueMax + kHeldMax + 8;  // queue + ring + held + in between

enum class ConnectionState : uint32_t {
  open = 1,
  subscriber_closing = 2,  // written by the subscriber: push no more; what is held is still read
  publisher_done = 3,      // written by the publisher: nothing more comes; what is queued can be taken
};

struct ConnectionBlock {
  ConnectionBlock(uint32_t queue_depth, uint32_t index, bool blocks) : ready_index(index), blocking(blocks ? 1 : 0) {
    queue.setCapacity(queue_depth);
  }

  std::atomic<ConnectionState> state{ConnectionState::open};
  const uint32_t ready_index;
  const uint32_t blocking;
  // Of a publisher that waits for room: it arms it, fences, looks again, sleeps; who makes room fences and rings. The same
  // argument as for the doorbell.
  Bell room_bell;
  std::atomic<uint64_t> base_sequence{0};        // publisher, at attach: the first sequence that is pushed
  alignas(64) std::atomic<uint64_t> dropped{0};  // publisher: messages evicted from the queue
  alignas(64) iox::concurrent::SoFi<uint32_t, kQueueMax> queue;      // lend slots, publisher → subscriber
  alignas(64) iox::concurrent::SoFi<uint32_t, kLendSlots> returned;  // lend slots, subscriber → publisher
  std::atomic<uint64_t> lent[kLendSlots] = {};                       // offset of the chunk in the window
};
static_assert(sizeof(ConnectionBlock) <= kConnectionBlockBytes);

}  // namespace polybus::bus

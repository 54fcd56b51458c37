// The sending side of one publisher: its memory, its kept values and its connections.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bus/memory/window.hpp"
#include "bus/transport/blocks.hpp"

namespace polybus::bus {

class StatFile;
struct StatSlot;

// Where a publisher lives on one run of the bus; made anew when busd was restarted.
struct PublisherPlace {
  std::shared_ptr<Window> window;
  std::shared_ptr<Extent> extent;  // mapped read_write
  int extent_fd = -1;              // owned by the port from now on
  PublisherBlock* block = nullptr;
  std::shared_ptr<StatFile> stat_owner;  // keeps the counter file mapped; has the bus's budget
  StatSlot* stat = nullptr;
};

struct PublisherConfig {
  std::string topic;
  std::string node;
  uint64_t publisher_id = 0;
  uint32_t history = 0;
  uint64_t quota_bytes = 0;
  uint64_t schema_prefix = 0;  // 0: untyped
};

// What busd says of a subscriber that is to be attached.
struct AttachSpec {
  uint64_t connection_id = 0;
  ConnectionBlock* connection = nullptr;
  SubscriberBlock* subscriber = nullptr;
  uint32_t history = 0;              // how many of the kept values to push first
  uint64_t kept_until = UINT64_MAX;  // the newest sequence busd knew when it chose; values kept since are pushed too
  int wake_fd = -1;                  // the subscriber's eventfd, or -1; owned by the port from now on
  uint32_t peer_pid = 0;
  std::string peer_node;
};

// Memory on loan to the program. Moves; discarded when dropped.
class Loan {
 public:
  Loan() = default;
  Loan(Loan&&) noexcept;
  Loan& operator=(Loan&&) noexcept;
  ~Loan();

  std::byte* data() const noexcept { return payload_; }     // 64-byte aligned, dirty
  uint64_t capacity() const noexcept { return capacity_; }  // at least what was asked for
  explicit operator bool() const noexcept { return payload_ != nullptr; }
  void discard() noexcept;

 private:
  friend class PublisherPort;
  std::shared_ptr<struct PublisherGeneration> generation_;
  std::byte* payload_ = nullptr;
  uint64_t capacity_ = 0;
  uint64_t chunk_ = 0;  // reference into the generation's pools
};

// Thread-safe by a lock of this process; no lock lies in shared memory. User threads loan and send; the client's event
// thread attaches and detaches. Nothing here waits for another process, except a send to subscribers that asked to block.
class PublisherPort {
 public:
  PublisherPort(PublisherConfig config, PublisherPlace place);
  ~PublisherPort();

  const PublisherConfig& config() const noexcept { return config_; }

  // Throws TOO_LARGE, NO_MEMORY (names who holds it), TOO_MANY_LOANS, CLOSED.
  Loan loan(uint64_t bytes);
  // Sends the first `bytes` of the loan and returns its sequence; the loan is then empty. TIMEOUT: a blocking subscriber
  // (named) has no room; nothing was sent and the loan is still there. CLOSED. A loan of an earlier run of the bus is
  // copied once. `timeout` < 0: for ever.
  uint64_t send(Loan& loan, uint64_t bytes, std::chrono::milliseconds timeout);

  // From the event thread.
  void attach(AttachSpec spec);
  void set_wake_fd(uint64_t connection_id, int fd);  // installs it and rings once; owns fd
  void detach(uint64_t connection_id);               // takes the whole lend table back; afterwards the block is busd's
  // busd was restarted: kept values move into the new place, connections of the old run end, the sequence goes on.
  void rebind(PublisherPlace place);
  // No more sends; kept values stay. Loans stay readable until dropped.
  void close();

  bool wait_for_subscribers(uint32_t count, std::chrono::milliseconds timeout);
  uint64_t sequence() const;  // of the newest message, 0: none
  uint64_t bytes_sent() const;
  uint32_t subscribers() const;
  uint32_t loans() const;
  uint64_t memory_bytes() const;
  uint64_t chunks_in_use() const;  // on loan, kept, or lent to subscribers

 private:
  struct State;
  PublisherConfig config_;
  std::unique_ptr<State> state_;
};

}  // namespace polybus::bus

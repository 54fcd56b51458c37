// The receiving side of one subscriber: its connections, its ring of arrivals, and how it sleeps.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bus/memory/message_header.hpp"
#include "bus/memory/window.hpp"
#include "bus/transport/blocks.hpp"

namespace polybus::bus {

struct StatSlot;
class Inlet;  // one connection as the subscriber sees it; kept by every sample from it

struct SubscriberPlace {
  std::shared_ptr<Window> window;
  SubscriberBlock* block = nullptr;
  std::shared_ptr<void> stat_owner;
  StatSlot* stat = nullptr;
};

struct SubscriberConfig {
  std::string topic;
  uint64_t subscriber_id = 0;
  uint32_t queue_depth = 16;
  bool blocking = false;
};

// A publisher the subscriber is connected to. `schema` is whatever the client layer wants back with each sample.
struct PeerInfo {
  uint64_t publisher_id = 0;
  uint32_t pid = 0;
  std::string node;
  std::shared_ptr<const void> schema;
};

struct ConnectSpec {
  uint64_t connection_id = 0;
  ConnectionBlock* connection = nullptr;
  uint32_t ready_index = 0;
  std::shared_ptr<Extent> extent;  // of the publisher, mapped
  PeerInfo peer;
};

// A received message. Counted; the chunk goes back to its publisher with the last owner, from any thread, also after the
// subscriber, its node or the registry are gone. In a forked child it is a no-op.
class Received {
 public:
  const MessageHeader& header() const noexcept { return *header_; }
  const std::byte* payload() const noexcept { return payload_; }
  uint64_t payload_bytes() const noexcept { return payload_bytes_; }
  const PeerInfo& peer() const noexcept;
  const Extent& extent() const noexcept;
  ~Received();
  Received(const Received&) = delete;
  Received& operator=(const Received&) = delete;

 private:
  friend class SubscriberPort;
  friend class Inlet;
  Received() = default;
  std::shared_ptr<Inlet> inlet_;
  const MessageHeader* header_ = nullptr;
  const std::byte* payload_ = nullptr;
  uint64_t payload_bytes_ = 0;
  uint32_t slot_ = 0;
};
// Counts towards the subscriber's held samples; what take() and latest() give.
using Sample = std::shared_ptr<const Received>;

enum class Waited { ready, timeout, interrupted, closed };

class SubscriberPort {
 public:
  // `on_closed(connection_id)`: nothing of the connection is used here any more and its extent is let go; called from
  // whatever thread dropped the last sample, without a lock held; must not block.
  SubscriberPort(const SubscriberConfig& config, SubscriberPlace place,
                 std::function<void(uint64_t connection_id)> on_closed);
  ~SubscriberPort();

  const SubscriberConfig& config() const noexcept { return config_; }

  // The oldest arrival, or null. Never waits. Throws TOO_MANY_SAMPLES (nothing is lost by it), CLOSED.
  Sample take();
  // The newest arrival by publish time, taken or not, or null.
  Sample latest();
  // Until something can be taken. `timeout` < 0: for ever. interrupted: a signal handler ran on this thread. Who
  // `heeds_signals` must hear of it even where it ran just before the sleep, so he spins only in waits that end soon anyway.
  Waited wait(std::chrono::nanoseconds timeout, bool heeds_signals = false);

  // The eventfd busd hands to publishers; made at the first call. Readable while arrivals wait: a take() that returns
  // null arms it again.
  int wake_fd();

  // From the event thread.
  void connect(ConnectSpec spec);
  // The publisher is gone: what it sent is still served, then the connection closes by itself.
  void publisher_gone(uint64_t connection_id);
  // busd was restarted: connections of the old run are drained and end; counters, ring and held samples stay.
  void rebind(SubscriberPlace place);
  // Wakes all waiters; connections close when their last sample goes. Queued arrivals are given back.
  void close();

  uint64_t taken() const;
  uint64_t lost() const;
  uint32_t queued() const;
  uint32_t held() const;
  uint32_t publishers() const;

 private:
  struct State;
  SubscriberConfig config_;
  std::shared_ptr<State> state_;
};

}  // namespace polybus::bus

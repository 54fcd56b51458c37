// Who is on the bus, what is published, who is connected to whom, with counters; and how that changes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <polybus/error.hpp>
#include <polybus/options.hpp>
#include <string>
#include <vector>

namespace polybus {

namespace detail {
class WatchCore;
}

struct GraphNode {
  std::string node = {}, language = {};
  uint32_t pid = 0;
};

struct GraphPublisher {
  std::string node = {}, language = {};
  uint32_t pid = 0;
  uint64_t id = 0;  // SampleInfo::publisher_id
  uint32_t history = 0;
  bool exclusive = false;
  uint64_t seq = 0;      // of the newest message
  uint64_t bytes = 0;    // published so far
  uint64_t last_ns = 0;  // when it last published, CLOCK_REALTIME
  uint64_t loans = 0;    // drafts out now
  uint64_t memory_bytes = 0, quota_bytes = 0;
  uint64_t subscribers = 0;  // attached now
};

struct GraphSubscriber {
  std::string node = {}, language = {};
  uint32_t pid = 0;
  uint64_t id = 0;
  uint32_t queue = 0;
  Overflow overflow = Overflow::drop_oldest;
  uint64_t taken = 0, lost = 0;
  uint64_t bytes = 0;       // taken so far
  uint64_t last_ns = 0;     // when it last took one, CLOCK_REALTIME
  uint64_t level = 0;       // messages waiting now
  uint64_t held = 0;        // samples held now
  uint64_t publishers = 0;  // attached now
};

struct GraphTopic {
  std::string topic;
  std::string type, fingerprint;  // empty: untyped, or no publisher yet
  std::vector<GraphPublisher> publishers;
  std::vector<GraphSubscriber> subscribers;
  uint32_t kept = 0;  // values of publishers that are gone
};

struct GraphConnection {
  uint64_t publisher_id = 0, subscriber_id = 0;
};

// One picture of the bus. Names and ends are of one moment; the counters were read one after the other, a little later.
struct Graph {
  std::string bus;
  uint32_t busd_pid = 0;
  std::vector<GraphNode> nodes;
  std::vector<GraphTopic> topics;
  std::vector<GraphConnection> connections;
};

struct GraphEvent {
  // publisher_added, publisher_removed, subscriber_added, subscriber_removed, node_added, node_removed, registry_lost,
  // registry_back; events_lost: this reader was more than 4,096 events behind.
  std::string event = {};
  std::string topic = {}, node = {}, type = {};  // empty where the event has none
  uint32_t pid = 0;
};

// The pull form of watching: events from the moment it was opened. Moves; closed when dropped; usable from any thread.
class POLYBUS_API Watch {
 public:
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) noexcept;
  ~Watch();

  // The next event, or nothing after `timeout`. Throws Error(closed), FORKED.
  std::optional<GraphEvent> next(Timeout timeout = Timeout(-1));
  // Readable while events wait. Owned by the watch.
  int fd() const;
  // Idempotent; wakes whoever waits.
  void close() noexcept;

  // For the library's own use.
  explicit Watch(std::shared_ptr<detail::WatchCore> core) noexcept;

 private:
  std::shared_ptr<detail::WatchCore> core_;
};

}  // namespace polybus

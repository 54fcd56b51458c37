// A process's membership of one bus: the socket to busd, the window, and the ends that live on them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <polybus/schema.hpp>

#include "bus/transport/publisher_port.hpp"
#include "bus/transport/stat.hpp"
#include "bus/transport/subscriber_port.hpp"
#include "discovery/protocol/graph.hpp"
#include "discovery/protocol/names.hpp"

namespace polybus::discovery {

struct ConnectOptions {
  std::string bus;          // empty: POLYBUS_BUS, else "default"
  std::string socket_path;  // empty: POLYBUS_SOCKET, else derived from the bus's name
  std::chrono::milliseconds timeout{5000};
  std::optional<bool> autostart;  // none: as POLYBUS_AUTOSTART says
};

struct PublisherSpec {
  std::string topic;
  std::optional<Schema> schema;
  uint32_t history = 0;
  bool exclusive = false;
  uint64_t quota_bytes = 0;  // 0: the default
};

struct SubscriberSpec {
  std::string topic;
  std::optional<Schema> schema;
  uint32_t queue_depth = 16;
  std::optional<uint32_t> history;  // none: all there are, up to queue_depth
  bool blocking = false;
  bool wants_fd = false;
};

class Session;

// An advertised publisher. The port stays the same over restarts of busd; the session re-advertises it.
class PublisherEnd {
 public:
  virtual ~PublisherEnd() = default;
  virtual bus::PublisherPort& port() = 0;
  virtual const std::optional<Schema>& schema() const = 0;
  virtual void close() = 0;  // idempotent
};

class SubscriberEnd {
 public:
  virtual ~SubscriberEnd() = default;
  virtual bus::SubscriberPort& port() = 0;
  // The schema given, else the topic's as the registry knows it, else none (untyped, or no publisher yet).
  virtual std::optional<Schema> schema() const = 0;
  // What a message is read by whose publisher has a schema whose fingerprint begins with these 8 bytes: the schema given, else the
  // publisher's, if it is known.
  virtual std::optional<Schema> schema_by_prefix(uint64_t prefix) const = 0;
  // Hands the port's eventfd to all publishers; returns it. Throws DISCONNECTED, LIMIT.
  virtual int fd() = 0;
  virtual void close() = 0;  // idempotent
};

// A stream of graph events with a descriptor that is readable while events wait. Bounded: a reader that is more than 4,096
// events behind loses the oldest and is told by an event "events_lost".
class Watch {
 public:
  virtual ~Watch() = default;
  virtual std::optional<GraphEvent> next(std::chrono::nanoseconds timeout, bool* interrupted) = 0;
  virtual int fd() = 0;
  virtual void close() = 0;
};

// One per process and bus instance, shared by the Nodes of the process, left with the last. Every wait has a deadline; no
// user code runs on its event thread. In a forked child every call throws FORKED.
class Session {
 public:
  // Joins the bus, starting busd where that is allowed. Throws INVALID_ARGUMENT (bus name, socket path), NO_BUS, TIMEOUT,
  // VERSION_MISMATCH, PERMISSION, LIMIT, IO.
  static std::shared_ptr<Session> join(const ConnectOptions& options);
  virtual ~Session() = default;

  virtual const std::string& bus() const = 0;
  virtual bool connected() const = 0;
  // A node is a name under which ends are listed; returns its id.
  virtual uint64_t add_node(const std::string& name, const std::string& language) = 0;
  virtual void remove_node(uint64_t node_id) noexcept = 0;
  virtual std::shared_ptr<PublisherEnd> advertise(uint64_t node_id, const PublisherSpec& spec) = 0;
  virtual std::shared_ptr<SubscriberEnd> subscribe(uint64_t node_id, const SubscriberSpec& spec) = 0;
  virtual Graph graph() = 0;
  // The schema of a topic as the registry has it; none: untyped or no such topic.
  virtual std::optional<Schema> topic_schema(const std::string& topic) = 0;
  // One of the schemas on the bus, by its fingerprint; none: no end or topic has it.
  virtual std::optional<Schema> schema_by_fingerprint(const std::string& fingerprint) = 0;
  virtual std::shared_ptr<Watch> watch() = 0;
  // The counters of this run of the bus, for graphs with figures: GraphEnd::stat_slot is an index into it. Null: none mapped.
  virtual std::shared_ptr<const bus::StatFile> stat_file() const { return nullptr; }
};

// Counts forks: handles remember it and compare.
uint32_t fork_count() noexcept;

}  // namespace polybus::discovery

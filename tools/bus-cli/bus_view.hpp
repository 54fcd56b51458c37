// One look at a bus: what the registry knows, joined with the counters in shared memory; the counters alone when the registry
// is not there. Nothing is started and nothing is subscribed to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tools/bus-cli/counters.hpp"
#include "tools/bus-cli/output.hpp"

namespace polybus::cli {

struct End {
  bool is_publisher = false;
  std::string topic, node, language, type, fingerprint;
  uint32_t pid = 0;
  uint64_t id = 0;
  uint32_t history = 0, queue = 0;
  bool blocking = false, exclusive = false;
  Counters counters;
};

// One of the schemas that a topic's programs have, or had.
struct SchemaVersion {
  uint32_t number = 0;  // 0: not known without the registry
  std::string type, fingerprint;
  uint32_t publishers = 0, subscribers = 0;  // that have it now
  uint32_t kept_publishers = 0;              // that are gone, but not their kept values
};

struct Topic {
  std::string name, type, fingerprint;  // type empty: untyped, or no publisher yet
  std::vector<End> publishers, subscribers;
  uint32_t kept = 0;                    // values of publishers that are gone
  std::vector<SchemaVersion> versions;  // oldest first

  double hz() const;
  double bytes_per_s() const;
  uint64_t drops() const;  // of the subscribers there are now
  uint64_t memory_bytes() const;
};

struct NodeRow {
  std::string name, language;
  uint32_t pid = 0;
};

struct Connection {
  uint64_t publisher_id = 0, subscriber_id = 0;
};

struct BusView {
  std::string bus;
  uint32_t busd_pid = 0;  // 0: the registry is not there
  std::vector<NodeRow> nodes;
  std::vector<Topic> topics;            // sorted by name
  std::vector<Connection> connections;  // empty without the registry
};

// Throws Stop(bus_unreachable) when there is neither a registry nor a living end, and what joining a bus throws.
BusView look_at_bus(const Globals& globals);

// The topics that match, without hidden ones unless the pattern names them. An empty pattern is "**".
std::vector<Topic> matching(const BusView& view, const std::string& pattern, bool hidden = false);
// The same; Stop(not_found), with a suggestion, when there is none.
std::vector<Topic> required(const BusView& view, const std::string& pattern);
// The topics a command about them is given; throws Stop(usage) for what is neither a topic's name nor a pattern.
void check_pattern(const std::string& pattern);

}  // namespace polybus::cli

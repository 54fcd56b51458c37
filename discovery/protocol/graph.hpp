// Who is on a bus and who is connected to whom, as busd tells it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace polybus::discovery {

struct GraphEnd {
  std::string node, language;
  uint32_t pid = 0;
  uint64_t id = 0;
  bool is_publisher = false;
  uint32_t stat_slot = 0;
  uint32_t history = 0, queue_depth = 0;
  bool blocking = false, exclusive = false;
  // Of a subscriber, as of now: also what its queues dropped or hold while it takes nothing, which its counters do not tell.
  uint64_t lost = 0, waiting = 0;
};
// One of the schemas that ends of a topic have, or had.
struct GraphVersion {
  uint32_t number = 0;
  std::string type_name, fingerprint;
  uint32_t publishers = 0, subscribers = 0;  // that have it now
  uint32_t kept_publishers = 0;              // that are gone, but not their kept values
};
struct GraphTopic {
  std::string topic, type_name, fingerprint;
  std::vector<GraphEnd> ends;
  uint32_t kept_values = 0;            // of publishers that are gone
  std::vector<GraphVersion> versions;  // oldest first
};
struct GraphNode {
  std::string node, language;
  uint32_t pid = 0;
};
struct GraphConnection {
  uint64_t publisher_id, subscriber_id;
};
struct Graph {
  std::string bus;
  uint32_t busd_pid = 0;
  std::vector<GraphNode> nodes;
  std::vector<GraphTopic> topics;
  std::vector<GraphConnection> connections;
};

struct GraphEvent {
  // publisher_added, publisher_removed, subscriber_added, subscriber_removed, node_added, node_removed, registry_lost,
  // registry_back, events_lost
  std::string event;
  std::string topic, node, type_name;
  uint32_t pid = 0;
};

}  // namespace polybus::discovery

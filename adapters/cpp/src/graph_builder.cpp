#include "adapters/cpp/src/graph_builder.hpp"

#include <utility>

namespace polybus::detail {
namespace {

uint64_t value(const std::atomic<uint64_t>& counter) noexcept { return counter.load(std::memory_order_relaxed); }

// The slot of an end, or null if it is somebody else's by now.
const bus::StatSlot* slot_of(const bus::StatFile* counters, const discovery::GraphEnd& end) {
  if (counters == nullptr || end.stat_slot >= counters->slot_count()) return nullptr;
  const bus::StatSlot& slot = counters->slot(end.stat_slot);
  const bool in_use = slot.generation.load(std::memory_order_acquire) % 2 == 1;
  return in_use && slot.end_id == end.id ? &slot : nullptr;
}

GraphPublisher publisher_of(discovery::GraphEnd&& end, const bus::StatFile* counters) {
  GraphPublisher publisher{.node = std::move(end.node),
                           .language = std::move(end.language),
                           .pid = end.pid,
                           .id = end.id,
                           .history = end.history,
                           .exclusive = end.exclusive};
  if (const bus::StatSlot* slot = slot_of(counters, end)) {
    publisher.seq = value(slot->messages);
    publisher.bytes = value(slot->bytes);
    publisher.last_ns = value(slot->last_realtime_ns);
    publisher.loans = value(slot->level);
    publisher.memory_bytes = value(slot->memory_bytes);
    publisher.quota_bytes = value(slot->quota_bytes);
    publisher.subscribers = value(slot->peers);
  }
  return publisher;
}

GraphSubscriber subscriber_of(discovery::GraphEnd&& end, const bus::StatFile* counters) {
  GraphSubscriber subscriber{.node = std::move(end.node),
                             .language = std::move(end.language),
                             .pid = end.pid,
                             .id = end.id,
                             .queue = end.queue_depth,
                             .overflow = end.blocking ? Overflow::block : Overflow::drop_oldest,
                             .lost = end.lost,
                             .level = end.waiting};
  if (const bus::StatSlot* slot = slot_of(counters, end)) {
    subscriber.taken = value(slot->messages);
    subscriber.bytes = value(slot->bytes);
    subscriber.last_ns = value(slot->last_realtime_ns);
    subscriber.held = value(slot->held);
    subscriber.publishers = value(slot->peers);
  }
  return subscriber;
}

GraphTopic topic_of(discovery::GraphTopic&& from, const bus::StatFile* counters) {
  GraphTopic topic;
  topic.topic = std::move(from.topic);
  topic.type = std::move(from.type_name);
  topic.fingerprint = std::move(from.fingerprint);
  topic.kept = from.kept_values;
  for (discovery::GraphEnd& end : from.ends) {
    if (end.is_publisher) {
      topic.publishers.push_back(publisher_of(std::move(end), counters));
    } else {
      topic.subscribers.push_back(subscriber_of(std::move(end), counters));
    }
  }
  return topic;
}

}  // namespace

Graph build_graph(discovery::Graph from, const bus::StatFile* counters) {
  Graph graph;
  graph.bus = std::move(from.bus);
  graph.busd_pid = from.busd_pid;
  for (discovery::GraphNode& node : from.nodes) {
    graph.nodes.push_back({std::move(node.node), std::move(node.language), node.pid});
  }
  for (discovery::GraphTopic& topic : from.topics) graph.topics.push_back(topic_of(std::move(topic), counters));
  for (const auto& [publisher_id, subscriber_id] : from.connections) {
    graph.connections.push_back({publisher_id, subscriber_id});
  }
  return graph;
}

}  // namespace polybus::detail

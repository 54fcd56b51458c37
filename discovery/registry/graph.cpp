#include "discovery/registry/graph.hpp"

#include <unistd.h>

#include <algorithm>

#include "discovery/registry/kept_values.hpp"
#include "discovery/registry/schemas.hpp"

namespace polybus::registry {
namespace {

discovery::GraphEnd draw(const End& end) {
  discovery::GraphEnd drawn;
  drawn.node = end.node;
  drawn.language = end.language;
  drawn.pid = end.pid;
  drawn.id = end.id;
  drawn.stat_slot = end.stat_slot;
  drawn.history = end.history;
  return drawn;
}

void count_losses(const Bus& bus, const Subscriber& subscriber, discovery::GraphEnd* drawn) {
  const bus::StatSlot& slot = bus.stat.file().slot(subscriber.stat_slot);
  uint64_t dropped = 0;
  drawn->waiting = slot.level.load(std::memory_order_relaxed);
  for (const Connection* connection : subscriber.connections) {
    const bus::QueueCounts counts = bus::count_queue(bus.book.connection(connection->block));
    dropped += counts.dropped;
    drawn->waiting += counts.queued;
  }
  const uint64_t known = slot.evicted.load(std::memory_order_relaxed);
  drawn->lost = slot.lost.load(std::memory_order_relaxed) + (dropped > known ? dropped - known : 0);
}

discovery::GraphVersion draw(const Topic& topic, const SchemaVersion& version) {
  const auto had_it = [&](const End* end) {
    return end->schema && end->schema->fingerprint == version.schema.fingerprint;
  };
  const auto has_it = [&](const End* end) { return !end->gone && had_it(end); };
  const auto left_values = [&](const Publisher* publisher) {
    return publisher->gone && publisher->kept && had_it(publisher);
  };
  return {version.number,
          version.schema.type_name,
          version.schema.fingerprint,
          static_cast<uint32_t>(std::ranges::count_if(topic.publishers, has_it)),
          static_cast<uint32_t>(std::ranges::count_if(topic.subscribers, has_it)),
          static_cast<uint32_t>(std::ranges::count_if(topic.publishers, left_values))};
}

discovery::GraphTopic draw(const Bus& bus, const Topic& topic) {
  discovery::GraphTopic drawn;
  drawn.topic = topic.name;
  if (const End* end = defining_end(topic); end != nullptr && end->schema) {
    drawn.type_name = end->schema->type_name;
    drawn.fingerprint = end->schema->fingerprint;
  }
  for (const SchemaVersion& version : topic.versions) drawn.versions.push_back(draw(topic, version));
  drawn.kept_values = count_kept(bus, topic);
  for (const Publisher* publisher : topic.publishers) {
    if (publisher->gone) continue;
    discovery::GraphEnd& end = drawn.ends.emplace_back(draw(*publisher));
    end.is_publisher = true;
    end.exclusive = publisher->exclusive;
  }
  for (const Subscriber* subscriber : topic.subscribers) {
    if (subscriber->gone) continue;
    discovery::GraphEnd& end = drawn.ends.emplace_back(draw(*subscriber));
    end.queue_depth = subscriber->queue_depth;
    end.blocking = subscriber->blocking;
    count_losses(bus, *subscriber, &end);
  }
  return drawn;
}

}  // namespace

discovery::Graph draw_graph(const Bus& bus) {
  discovery::Graph graph;
  graph.bus = bus.name;
  graph.busd_pid = static_cast<uint32_t>(::getpid());
  for (const auto& [id, session] : bus.sessions)
    for (const auto& [number, node] : session->nodes) graph.nodes.push_back({node.name, node.language, session->pid});
  for (const auto& [name, topic] : bus.topics) {
    discovery::GraphTopic drawn = draw(bus, *topic);
    // What is only being cleared away is nobody's topic any more.
    if (!drawn.ends.empty() || drawn.kept_values != 0) graph.topics.push_back(std::move(drawn));
  }
  for (const auto& [id, connection] : bus.connections)
    if (connection->stage == Stage::open && !connection->publisher->gone && !connection->subscriber->gone)
      graph.connections.push_back({connection->publisher->id, connection->subscriber->id});
  return graph;
}

}  // namespace polybus::registry

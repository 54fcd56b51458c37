#include "adapters/c/src/graph_json.hpp"

#include <utility>

#include "adapters/c/src/json_writer.hpp"

namespace polybus::c {
namespace {

// What every end begins with.
template <typename End>
void write_identity(JsonWriter& json, const End& end) {
  json.key("node").text(end.node).key("pid").number(end.pid).key("language").text(end.language).key("id").big(end.id);
}

void write(JsonWriter& json, const GraphPublisher& publisher) {
  json.begin_object();
  write_identity(json, publisher);
  json.key("history").number(publisher.history);
  json.key("exclusive").boolean(publisher.exclusive);
  json.key("seq").big(publisher.seq);
  json.key("bytes").big(publisher.bytes);
  json.key("last_ns").big(publisher.last_ns);
  json.key("loans").number(publisher.loans);
  json.key("memory_bytes").number(publisher.memory_bytes);
  json.key("quota_bytes").number(publisher.quota_bytes);
  json.key("subscribers").number(publisher.subscribers);
  json.end_object();
}

void write(JsonWriter& json, const GraphSubscriber& subscriber) {
  json.begin_object();
  write_identity(json, subscriber);
  json.key("queue").number(subscriber.queue);
  json.key("overflow").text(subscriber.overflow == Overflow::block ? "block" : "drop_oldest");
  json.key("taken").big(subscriber.taken);
  json.key("lost").big(subscriber.lost);
  json.key("bytes").big(subscriber.bytes);
  json.key("last_ns").big(subscriber.last_ns);
  json.key("level").number(subscriber.level);
  json.key("held").number(subscriber.held);
  json.key("publishers").number(subscriber.publishers);
  json.end_object();
}

void write(JsonWriter& json, const GraphTopic& topic) {
  json.begin_object().key("topic").text(topic.topic);
  json.key("type").text_or_null(topic.type).key("fingerprint").text_or_null(topic.fingerprint);
  json.key("kept").number(topic.kept);
  json.key("publishers").begin_array();
  for (const GraphPublisher& publisher : topic.publishers) write(json, publisher);
  json.end_array().key("subscribers").begin_array();
  for (const GraphSubscriber& subscriber : topic.subscribers) write(json, subscriber);
  json.end_array().end_object();
}

}  // namespace

std::string graph_json(const Graph& graph) {
  JsonWriter json;
  json.begin_object().key("bus").text(graph.bus).key("busd_pid").number(graph.busd_pid);
  json.key("nodes").begin_array();
  for (const GraphNode& node : graph.nodes) {
    json.begin_object().key("node").text(node.node).key("pid").number(node.pid);
    json.key("language").text(node.language).end_object();
  }
  json.end_array().key("topics").begin_array();
  for (const GraphTopic& topic : graph.topics) write(json, topic);
  json.end_array().key("connections").begin_array();
  for (const GraphConnection& connection : graph.connections) {
    json.begin_object().key("publisher").big(connection.publisher_id);
    json.key("subscriber").big(connection.subscriber_id).end_object();
  }
  json.end_array().end_object();
  return std::move(json).take();
}

std::string event_json(const GraphEvent& event) {
  JsonWriter json;
  json.begin_object().key("event").text(event.event);
  if (!event.topic.empty()) json.key("topic").text(event.topic);
  if (!event.node.empty()) json.key("node").text(event.node);
  if (!event.type.empty()) json.key("type").text(event.type);
  if (event.pid != 0) json.key("pid").number(event.pid);
  json.end_object();
  return std::move(json).take();
}

}  // namespace polybus::c

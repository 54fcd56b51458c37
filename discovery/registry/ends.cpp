#include "discovery/registry/ends.hpp"

#include <algorithm>
#include <polybus/error.hpp>

#include "bus/memory/fault_point.hpp"
#include "discovery/protocol/frame.hpp"
#include "discovery/protocol/names.hpp"
#include "discovery/registry/departures.hpp"
#include "discovery/registry/introductions.hpp"
#include "discovery/registry/kept_values.hpp"
#include "discovery/registry/killed.hpp"
#include "discovery/registry/log.hpp"
#include "discovery/registry/schemas.hpp"

namespace polybus::registry {
namespace {

const Node& node_of(const Session& session, uint64_t number) {
  const auto node = session.nodes.find(number);
  if (node == session.nodes.end()) throw Error(Code::closed, "the node is closed");
  return node->second;
}

void fill(End& end, Session& session, Topic& topic, uint64_t node) {
  const Node& named = node_of(session, node);
  end.session = &session;
  end.topic = &topic;
  end.node = named.name;
  end.language = named.language;
  end.pid = session.pid;
}

uint32_t take_slot(Bus& bus, const End& end, bool is_publisher) {
  return bus.stat.take({.is_publisher = is_publisher,
                        .pid = end.pid,
                        .process_start_ticks = end.session->process_start_ticks,
                        .end_id = end.id,
                        .node = end.node,
                        .topic = end.topic->name,
                        .language = end.language,
                        .type_name = end.schema ? end.schema->type_name : "",
                        .fingerprint = end.schema ? end.schema->fingerprint : ""});
}

// The process that sent it need not be sent it again.
void take_schema(Bus& bus, Session& session, std::optional<discovery::SchemaInfo>& schema) {
  if (!schema) return;
  bus.schemas.admit(*schema);
  session.known_schemas.insert(schema->fingerprint);
}

bool is_in_the_way(const Publisher& publisher, bool exclusive) {
  return !publisher.gone && (exclusive || publisher.exclusive);
}

// Their place can be taken at once. Their memory is free when they are dead.
void part_with_the_killed(Bus& bus, const std::string& topic, bool exclusive) {
  const auto found = bus.topics.find(topic);
  if (found == bus.topics.end()) return;
  const auto publishers = found->second->publishers;  // parting may free any of them, and the topic
  for (Publisher* publisher : publishers) {
    if (!bus.publishers.contains(publisher) || !is_in_the_way(*publisher, exclusive)) continue;
    if (was_killed(publisher->pid, publisher->session->process_start_ticks))
      publisher_gone(bus, publisher, Departure::lost);
  }
}

void check_exclusive(const Topic& topic, bool exclusive) {
  for (const Publisher* publisher : topic.publishers) {
    if (!is_in_the_way(*publisher, exclusive)) continue;
    throw Error(Code::exclusive, "topic " + topic.name +
                                     (publisher->exclusive ? ": has its one publisher, " : ": has a publisher, ") +
                                     describe(*publisher) + "; close it first, or publish without `exclusive`");
  }
}

// Values of publishers that are gone give way to a publisher of another type: nobody could read both.
void drop_kept_of_other_types(Bus& bus, Topic& topic, const std::optional<discovery::SchemaInfo>& schema) {
  const auto publishers = topic.publishers;
  for (Publisher* publisher : publishers) {
    if (!publisher->kept || fits(bus, schema, publisher->schema)) continue;
    publisher->kept = false;
    free_if_unused(bus, publisher);
  }
}

void make_extent(Bus& bus, ExtentRecord& extent, uint64_t quota_bytes, const std::string& topic) {
  const uint64_t quota = std::max(quota_bytes == 0 ? bus::kQuotaBytesDefault : quota_bytes, bus::kQuotaBytesMin);
  if (quota > bus.book.window_bytes())
    throw Error(Code::too_large, "topic " + topic + ": a quota of " + std::to_string(quota) +
                                     " bytes is more than the bus has addresses (" +
                                     std::to_string(bus.book.window_bytes()) + "); see POLYBUS_WINDOW");
  extent.place.bytes = (quota + bus::kPageBytes - 1) / bus::kPageBytes * bus::kPageBytes;
  extent.fd = discovery::share(make_memory("polybus-extent"));
  const auto offset = bus.window.take(extent.place.bytes);
  if (!offset)
    throw Error(Code::limit, "topic " + topic + ": the bus's addresses are used up (" +
                                 std::to_string(bus.window.free_bytes() >> 20) +
                                 " MiB free, in pieces); ask for a quota below " + std::to_string(quota >> 20) +
                                 " MiB, or start busd with a larger POLYBUS_WINDOW");
  extent.place.offset = *offset;
  extent.place.id = bus.next_id++;
}

void check_ready_indexes(const Topic& topic) {
  for (const Subscriber* subscriber : topic.subscribers)
    if (!subscriber->gone && subscriber->ready_indexes.all())
      throw Error(Code::limit, "topic " + topic.name + ": " + describe(*subscriber) + " hears " +
                                   std::to_string(bus::kPublishersPerSubscriberMax) +
                                   " publishers, which is the bound of one subscriber; close some");
}

void try_introduce(Bus& bus, Publisher* publisher, Subscriber* subscriber, KeptChoice kept, End* awaited_by) {
  try {
    introduce(bus, publisher, subscriber, kept, awaited_by);
  } catch (const Error& e) {
    log_warn(e.what());
  }
}

void try_introduce_kept(Bus& bus, Publisher* publisher, Subscriber* subscriber, uint32_t count) {
  try {
    introduce_kept(bus, publisher, subscriber, count);
  } catch (const Error& e) {
    log_warn(e.what());
  }
}

}  // namespace

void advertise(Bus& bus, Session& session, uint64_t reply_to, discovery::Advertise request) {
  discovery::check_topic(request.topic);
  if (session.publishers.contains(request.end)) throw discovery::ProtocolError("a publisher that is there already");
  if (request.history > bus::kHistoryMax)
    throw Error(Code::limit, "topic " + request.topic + ": history " + std::to_string(request.history) + ": at most " +
                                 std::to_string(bus::kHistoryMax) + " values are kept");
  take_schema(bus, session, request.schema);
  const Node& node = node_of(session, request.node);
  part_with_the_killed(bus, request.topic, request.exclusive);
  const auto existing = bus.topics.find(request.topic);
  if (existing != bus.topics.end()) {
    check_schema(bus, *existing->second, {true, describe(node.name, session.pid, node.language), request.schema});
    check_exclusive(*existing->second, request.exclusive);
    check_ready_indexes(*existing->second);
  }
  auto made = std::make_unique<Publisher>();
  Publisher* publisher = made.get();
  Topic& topic = bus.topic(request.topic);
  fill(*publisher, session, topic, request.node);
  publisher->number = request.end;
  publisher->id = request.publisher_id;
  publisher->schema = std::move(request.schema);
  publisher->history = request.history;
  publisher->exclusive = request.exclusive;
  try {
    publisher->block = bus.book.take_publisher();
    make_extent(bus, publisher->extent, request.quota_bytes, topic.name);
    publisher->stat_slot = take_slot(bus, *publisher, true);
  } catch (const Error&) {
    if (publisher->extent.place.id != 0)
      bus.window.give_back(publisher->extent.place.offset, publisher->extent.place.bytes);
    if (publisher->block != 0) bus.book.give_back_publisher(publisher->block);
    if (topic.publishers.empty() && topic.subscribers.empty()) bus.topics.erase(request.topic);
    throw;
  }
  bus::fault_point("registry.publisher_placed");
  bus::construct_publisher_block(bus.book.at(publisher->block), publisher->id, publisher->history);
  discovery::ExtentPlace extent = publisher->extent.place;
  extent.ticket = publisher->extent.holders[&session] = bus.next_id++;
  topic.publishers.push_back(publisher);
  session.publishers.emplace(publisher->number, publisher);
  session.publisher_records.insert(publisher);
  bus.publishers.emplace(publisher, std::move(made));
  note_version(topic, publisher->schema);
  drop_kept_of_other_types(bus, topic, publisher->schema);
  drop_outdated(bus, topic);

  std::vector<Subscriber*> subscribers;
  for (Subscriber* subscriber : topic.subscribers)
    if (!subscriber->gone) subscribers.push_back(subscriber);
  session.outbox->send({discovery::Reply{reply_to, discovery::Placed{.extent = extent,
                                                                     .block = publisher->block,
                                                                     .stat_slot = publisher->stat_slot,
                                                                     .settled = subscribers.empty()}},
                        {publisher->extent.fd}});
  // Its first values may come before a slow subscriber is attached: those who want kept values get these as well.
  for (Subscriber* subscriber : subscribers)
    try_introduce(bus, publisher, subscriber, {.count = subscriber->history != 0 ? publisher->history : 0}, publisher);
  if (!subscribers.empty() && publisher->unsettled == 0) Bus::tell(&session, discovery::Settled{publisher->number});
  bus.announce("publisher_added", *publisher);
  log_info(describe(*publisher) + " publishes " + topic.name);
}

void subscribe(Bus& bus, Session& session, uint64_t reply_to, discovery::Subscribe request) {
  discovery::check_topic(request.topic);
  if (session.subscribers.contains(request.end)) throw discovery::ProtocolError("a subscriber that is there already");
  if (request.queue_depth == 0 || request.queue_depth > bus::kQueueMax)
    throw Error(Code::limit, "topic " + request.topic + ": queue " + std::to_string(request.queue_depth) +
                                 ": between 1 and " + std::to_string(bus::kQueueMax) + " messages can wait");
  take_schema(bus, session, request.schema);
  const Node& node = node_of(session, request.node);
  const auto existing = bus.topics.find(request.topic);
  if (existing != bus.topics.end()) {
    check_schema(bus, *existing->second, {false, describe(node.name, session.pid, node.language), request.schema});
    drop_outdated(bus, *existing->second);
  }
  auto made = std::make_unique<Subscriber>();
  Subscriber* subscriber = made.get();
  Topic& topic = bus.topic(request.topic);
  fill(*subscriber, session, topic, request.node);
  subscriber->number = request.end;
  subscriber->id = request.subscriber_id;
  subscriber->schema = std::move(request.schema);
  subscriber->queue_depth = request.queue_depth;
  subscriber->history = std::min(request.history, request.queue_depth);
  subscriber->blocking = request.blocking;
  try {
    const size_t live =
        std::count_if(topic.publishers.begin(), topic.publishers.end(), [](auto* p) { return !p->gone; });
    if (live + bus::kHistoryMax > bus::kPublishersPerSubscriberMax)
      throw Error(Code::limit, "topic " + topic.name + " has " + std::to_string(live) +
                                   " publishers, more than one subscriber can hear (" +
                                   std::to_string(bus::kPublishersPerSubscriberMax - bus::kHistoryMax) +
                                   "); close some");
    subscriber->block = bus.book.take_subscriber();
    subscriber->stat_slot = take_slot(bus, *subscriber, false);
  } catch (const Error&) {
    if (subscriber->block != 0) bus.book.give_back_subscriber(subscriber->block);
    if (topic.publishers.empty() && topic.subscribers.empty()) bus.topics.erase(request.topic);
    throw;
  }
  bus::fault_point("registry.subscriber_placed");
  bus::construct_subscriber_block(bus.book.at(subscriber->block));
  topic.subscribers.push_back(subscriber);
  session.subscribers.emplace(subscriber->number, subscriber);
  session.subscriber_records.insert(subscriber);
  bus.subscribers.emplace(subscriber, std::move(made));
  note_version(topic, subscriber->schema);

  const End* defining = defining_end(topic);
  const auto kept = choose_kept(bus, topic, subscriber->history);
  std::vector<Publisher*> live;
  for (Publisher* publisher : topic.publishers)
    if (!publisher->gone) live.push_back(publisher);
  const bool settled = live.empty() && kept.empty();
  session.outbox->send(
      {discovery::Reply{reply_to, discovery::Subscribed{.block = subscriber->block,
                                                        .stat_slot = subscriber->stat_slot,
                                                        .settled = settled,
                                                        .topic_schema = Bus::for_session(
                                                            session, defining ? defining->schema : std::nullopt)}},
       {}});
  for (const auto& [publisher, choice] : kept)
    if (publisher->gone) try_introduce_kept(bus, publisher, subscriber, choice.count);
  for (Publisher* publisher : live) {
    const auto choice = kept.find(publisher);
    try_introduce(bus, publisher, subscriber, choice == kept.end() ? KeptChoice{} : choice->second, subscriber);
  }
  if (!settled && subscriber->unsettled == 0) Bus::tell(&session, discovery::Settled{subscriber->number});
  bus.announce("subscriber_added", *subscriber);
  log_info(describe(*subscriber) + " subscribes to " + topic.name);
}

}  // namespace polybus::registry

#include "discovery/registry/departures.hpp"

#include <algorithm>
#include <polybus/error.hpp>

#include "bus/memory/fault_point.hpp"
#include "discovery/registry/introductions.hpp"
#include "discovery/registry/kept_values.hpp"
#include "discovery/registry/log.hpp"

namespace polybus::registry {
namespace {

// Freeing goes from record to record; the one at hand must outlive that.
class Pin {
 public:
  explicit Pin(End* end) : end_(end) { end_->pinned = true; }
  ~Pin() { end_->pinned = false; }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;

 private:
  End* end_;
};

}  // namespace

void publisher_gone(Bus& bus, Publisher* publisher, Departure how) {
  if (publisher->gone) return;
  {
    const Pin pin(publisher);
    publisher->gone = true;
    publisher->session->publishers.erase(publisher->number);
    bus.stat.retire(publisher->stat_slot);
    bus.announce("publisher_removed", *publisher);
    bus::fault_point("registry.publisher_going");
    publisher->kept = !bus::read_kept_values(bus.book.publisher(publisher->block)).empty();
    bus.kept_publishers += publisher->kept ? 1 : 0;
    const auto connections = publisher->connections;
    for (Connection* connection : connections) {
      // Its process is about to say whether it still attached this one.
      if (how == Departure::closed && connection->stage == Stage::attaching) continue;
      end_for_subscriber(bus, connection, how, connection->stage != Stage::open);
    }
    drop_outdated(bus, *publisher->topic);
  }
  free_if_unused(bus, publisher);
}

void end_for_subscriber(Bus& bus, Connection* connection, Departure how, bool unattached) {
  settle(connection);
  Subscriber* subscriber = connection->subscriber;
  // One that was killed before it could say so attached all the same: its values must not come twice.
  const bool attached = !unattached || bus::was_attached(bus.book.connection(connection->block));
  const uint32_t kept = !attached && connection->publisher->kept ? kept_by_now(bus, *connection) : 0;
  if (kept != 0 && !subscriber->gone) {
    try {
      introduce_kept(bus, connection->publisher, subscriber, kept);
    } catch (const Error& e) {
      log_warn(e.what());
    }
  }
  say_goodbye(bus, connection);
  if (how != Departure::lost) connection->publisher_done = true;
  free_if_unused(bus, connection);
}

void say_goodbye(Bus& bus, Connection* connection) {
  if (std::exchange(connection->goodbye_sent, true)) return;
  Subscriber* subscriber = connection->subscriber;
  Bus::tell(subscriber->session, discovery::PublisherGone{connection->id, subscriber->number});
  // A publisher killed between taking the bell down and ringing it would leave a sleeper.
  if (!subscriber->gone)
    bus::ring(bus.book.subscriber(subscriber->block), subscriber->wake_fd ? subscriber->wake_fd->get() : -1);
}

void subscriber_gone(Bus& bus, Subscriber* subscriber) {
  if (subscriber->gone) return;
  {
    const Pin pin(subscriber);
    subscriber->gone = true;
    subscriber->session->subscribers.erase(subscriber->number);
    bus.stat.retire(subscriber->stat_slot);
    bus.announce("subscriber_removed", *subscriber);
    bus::fault_point("registry.subscriber_going");
    for (Connection* connection : subscriber->connections) {
      settle(connection);
      // From here on the publisher neither pushes nor waits for room, whatever becomes of the subscriber's process.
      bus::release_producer(bus.book.connection(connection->block));
    }
    drop_outdated(bus, *subscriber->topic);
  }
  free_if_unused(bus, subscriber);
}

void finish_subscriber_side(Bus& bus, Connection* connection) {
  connection->subscriber_done = true;
  if (connection->stage == Stage::connecting) connection->publisher_done = true;  // was never told
  if (!connection->publisher_done && !std::exchange(connection->detach_sent, true))
    Bus::tell(connection->publisher->session, discovery::Detach{connection->id, connection->publisher->number});
  free_if_unused(bus, connection);
}

void process_lost(Bus& bus, Session* session) {
  session->outbox = nullptr;
  session->watching = false;
  const auto publishers = session->publisher_records;
  for (Publisher* publisher : publishers) {
    if (!bus.publishers.contains(publisher)) continue;  // freed on the way
    publisher_gone(bus, publisher, Departure::lost);
    if (!bus.publishers.contains(publisher)) continue;
    // Those it closed while they were being attached: the answer will not come.
    const auto connections = publisher->connections;
    for (Connection* connection : connections)
      if (connection->stage == Stage::attaching && !connection->goodbye_sent)
        end_for_subscriber(bus, connection, Departure::lost, true);
  }
  const auto subscribers = session->subscriber_records;
  for (Subscriber* subscriber : subscribers)
    if (bus.subscribers.contains(subscriber)) subscriber_gone(bus, subscriber);
  for (const auto& [id, node] : session->nodes) bus.announce({"node_removed", "", node.name, "", session->pid});
  session->nodes.clear();
}

void process_died(Bus& bus, Session* session) {
  process_lost(bus, session);
  const auto publishers = std::exchange(session->publisher_records, {});
  const auto subscribers = std::exchange(session->subscriber_records, {});
  for (Publisher* publisher : publishers) publisher->session = nullptr;
  for (Subscriber* subscriber : subscribers) subscriber->session = nullptr;
  for (Publisher* publisher : publishers) {
    if (!bus.publishers.contains(publisher)) continue;
    const auto connections = publisher->connections;
    for (Connection* connection : connections) {
      connection->publisher_done = true;
      free_if_unused(bus, connection);
    }
  }
  for (Subscriber* subscriber : subscribers) {
    if (!bus.subscribers.contains(subscriber)) continue;
    const auto connections = subscriber->connections;
    for (Connection* connection : connections) finish_subscriber_side(bus, connection);
    if (bus.subscribers.contains(subscriber)) free_if_unused(bus, subscriber);
  }
  std::vector<Publisher*> held;
  for (const auto& [publisher, record] : bus.publishers)
    if (publisher->extent.holders.erase(session) != 0) held.push_back(publisher);
  for (Publisher* publisher : held) free_if_unused(bus, publisher);
  bus::fault_point("registry.process_buried");
  bus.sessions.erase(session->id);
}

void on_connection_closed(Bus& bus, const Session& session, uint64_t id) {
  Connection* connection = bus.find_connection(id);
  if (connection == nullptr || connection->subscriber->session != &session || connection->subscriber_done) return;
  // The news can overtake the answer to the introduction.
  if (connection->stage == Stage::connecting) note_answered(connection->subscriber->session);
  finish_subscriber_side(bus, connection);
}

void on_detached(Bus& bus, const Session& session, uint64_t id) {
  Connection* connection = bus.find_connection(id);
  if (connection == nullptr || connection->publisher->session != &session || !connection->detach_sent) return;
  connection->publisher_done = true;
  free_if_unused(bus, connection);
}

void on_extent_unmapped(Bus& bus, Session& session, const discovery::ExtentUnmapped& news) {
  for (const auto& [publisher, record] : bus.publishers) {
    if (publisher->extent.place.id != news.extent) continue;
    const auto holder = publisher->extent.holders.find(&session);
    if (holder == publisher->extent.holders.end() || holder->second != news.ticket) return;
    publisher->extent.holders.erase(holder);
    free_if_unused(bus, publisher);
    return;
  }
}

void free_if_unused(Bus& bus, Connection* connection) {
  if (!connection->publisher_done || !connection->subscriber_done) return;
  settle(connection);
  Publisher* publisher = connection->publisher;
  Subscriber* subscriber = connection->subscriber;
  std::erase(publisher->connections, connection);
  std::erase(subscriber->connections, connection);
  subscriber->ready_indexes.reset(connection->ready_index);
  bus::fault_point("registry.connection_about_to_be_free");
  bus.book.give_back_connection(connection->block);
  bus.connections.erase(connection->id);
  free_if_unused(bus, publisher);
  free_if_unused(bus, subscriber);
}

namespace {

void free_if_empty(Bus& bus, Topic* topic) {
  if (topic->publishers.empty() && topic->subscribers.empty()) bus.topics.erase(topic->name);
}

}  // namespace

void free_if_unused(Bus& bus, Publisher* publisher) {
  if (publisher->pinned || !publisher->gone || publisher->kept || !publisher->connections.empty() ||
      !publisher->extent.holders.empty())
    return;
  bus::fault_point("registry.publisher_about_to_be_free");
  bus.book.give_back_publisher(publisher->block);
  bus.stat.give_back(publisher->stat_slot);
  bus.window.give_back(publisher->extent.place.offset, publisher->extent.place.bytes);
  if (publisher->session != nullptr) publisher->session->publisher_records.erase(publisher);
  Topic* topic = publisher->topic;
  std::erase(topic->publishers, publisher);
  bus.publishers.erase(publisher);
  free_if_empty(bus, topic);
}

void free_if_unused(Bus& bus, Subscriber* subscriber) {
  if (subscriber->pinned || !subscriber->gone || !subscriber->connections.empty()) return;
  if (subscriber->session != nullptr && subscriber->session->outbox == nullptr)
    return;  // lost: may still sleep on its bell
  bus.book.give_back_subscriber(subscriber->block);
  bus.stat.give_back(subscriber->stat_slot);
  if (subscriber->session != nullptr) subscriber->session->subscriber_records.erase(subscriber);
  Topic* topic = subscriber->topic;
  std::erase(topic->subscribers, subscriber);
  bus.subscribers.erase(subscriber);
  free_if_empty(bus, topic);
}

}  // namespace polybus::registry

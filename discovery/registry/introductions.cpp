#include "discovery/registry/introductions.hpp"

#include <algorithm>
#include <polybus/error.hpp>

#include "bus/memory/fault_point.hpp"
#include "discovery/registry/departures.hpp"
#include "discovery/registry/log.hpp"

namespace polybus::registry {
namespace {

constexpr auto kSluggish = std::chrono::milliseconds(500);

uint32_t take_ready_index(Subscriber& subscriber) {
  for (uint32_t i = 0; i < subscriber.ready_indexes.size(); ++i) {
    if (subscriber.ready_indexes.test(i)) continue;
    subscriber.ready_indexes.set(i);
    return i;
  }
  throw Error(Code::limit, "topic " + subscriber.topic->name + ": " + describe(subscriber) + " hears " +
                               std::to_string(bus::kPublishersPerSubscriberMax) +
                               " publishers, which is the bound of one subscriber; close some");
}

Connection* lay_out(Bus& bus, Publisher* publisher, Subscriber* subscriber) {
  const uint32_t index = take_ready_index(*subscriber);
  uint64_t block = 0;
  try {
    block = bus.book.take_connection();
  } catch (...) {
    subscriber->ready_indexes.reset(index);
    throw;
  }
  bus::construct_connection_block(bus.book.at(block), subscriber->queue_depth, index, subscriber->blocking);
  auto connection = std::make_unique<Connection>();
  connection->id = bus.next_id++;
  connection->publisher = publisher;
  connection->subscriber = subscriber;
  connection->block = block;
  connection->ready_index = index;
  Connection* made = connection.get();
  bus::fault_point("registry.connection_laid_out");
  bus.connections.emplace(made->id, std::move(connection));
  publisher->connections.push_back(made);
  subscriber->connections.push_back(made);
  return made;
}

void tell_subscriber(Bus& bus, Connection* connection) {
  Publisher& publisher = *connection->publisher;
  Session* session = connection->subscriber->session;
  discovery::ExtentPlace extent = publisher.extent.place;
  extent.ticket = publisher.extent.holders[session] = bus.next_id++;
  bus.tell(session,
           discovery::Connect{.connection = connection->id,
                              .end = connection->subscriber->number,
                              .block = connection->block,
                              .ready_index = connection->ready_index,
                              .extent = extent,
                              .publisher_id = publisher.id,
                              .pid = publisher.pid,
                              .node = publisher.node,
                              .schema = Bus::for_session(*session, publisher.schema)},
           {publisher.extent.fd});
}

void tell_publisher(Bus& bus, Connection* connection) {
  const Subscriber& subscriber = *connection->subscriber;
  std::vector<discovery::SharedFd> fds;
  if (subscriber.wake_fd != nullptr) fds.push_back(subscriber.wake_fd);
  bus.tell(connection->publisher->session,
           discovery::Attach{.connection = connection->id,
                             .end = connection->publisher->number,
                             .block = connection->block,
                             .subscriber_block = subscriber.block,
                             .history = connection->kept.count,
                             .kept_until = connection->kept.until,
                             .pid = subscriber.pid,
                             .node = subscriber.node},
           std::move(fds));
}

}  // namespace

void introduce(Bus& bus, Publisher* publisher, Subscriber* subscriber, KeptChoice kept, End* awaited_by) {
  Connection* connection = lay_out(bus, publisher, subscriber);
  connection->kept = kept;
  // Whoever has not answered for a while would only make others late as well.
  if (!is_sluggish(subscriber->session) && !is_sluggish(publisher->session)) {
    connection->awaited_by = awaited_by;
    ++awaited_by->unsettled;
  }
  tell_subscriber(bus, connection);
  bus::fault_point("registry.subscriber_told");
  note_asked(subscriber->session);
}

void introduce_kept(Bus& bus, Publisher* publisher, Subscriber* subscriber, uint32_t count) {
  auto values = bus::read_kept_values(bus.book.publisher(publisher->block));
  if (values.size() > count) values.erase(values.begin(), values.end() - count);
  if (values.empty()) return;
  Connection* connection = lay_out(bus, publisher, subscriber);
  connection->stage = Stage::open;
  connection->publisher_done = true;
  bus::push_kept_values(bus.book.connection(connection->block), bus.book.subscriber(subscriber->block), values);
  tell_subscriber(bus, connection);
  say_goodbye(bus, connection);
}

void on_connected(Bus& bus, const discovery::Connected& answer) {
  Connection* connection = bus.find_connection(answer.connection);
  if (connection == nullptr || connection->subscriber_done) return;
  const bool was_asked = connection->stage == Stage::connecting;
  if (was_asked) note_answered(connection->subscriber->session);
  if (answer.failure) {
    if (answer.failure->code != Code::closed)  // that happens when an end goes while it is being introduced
      log_warn("topic " + connection->subscriber->topic->name + ": " + describe(*connection->subscriber) +
               " cannot be connected to " + describe(*connection->publisher) + ": " + answer.failure->message);
    finish_subscriber_side(bus, connection);
    return;
  }
  if (!was_asked || connection->publisher->gone || connection->subscriber->gone) return;  // departures see to the rest
  connection->stage = Stage::attaching;
  tell_publisher(bus, connection);
  bus::fault_point("registry.publisher_told");
  note_asked(connection->publisher->session);
}

void on_attached(Bus& bus, const discovery::Attached& answer) {
  Connection* connection = bus.find_connection(answer.connection);
  if (connection == nullptr || connection->stage != Stage::attaching) return;
  note_answered(connection->publisher->session);
  connection->stage = Stage::open;
  bus::fault_point("registry.connection_open");
  settle(connection);
  if (connection->publisher->gone) end_for_subscriber(bus, connection, Departure::closed, !answer.attached);
}

void settle(Connection* connection) {
  End* end = std::exchange(connection->awaited_by, nullptr);
  if (end == nullptr || --end->unsettled != 0 || end->gone) return;
  Bus::tell(end->session, discovery::Settled{end->number});
}

void note_asked(Session* session) {
  if (session->unanswered++ == 0) session->unanswered_since = std::chrono::steady_clock::now();
}

void note_answered(Session* session) {
  if (session == nullptr || session->unanswered == 0) return;
  --session->unanswered;
  session->unanswered_since = std::chrono::steady_clock::now();
}

bool is_sluggish(const Session* session) {
  return session->unanswered != 0 && std::chrono::steady_clock::now() - session->unanswered_since > kSluggish;
}

}  // namespace polybus::registry

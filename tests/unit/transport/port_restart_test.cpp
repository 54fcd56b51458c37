// Ports when busd was restarted: what was sent over the old connections, and what comes over the new ones.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <thread>

#include "tests/unit/transport/local_bus.hpp"

namespace polybus::bus::test {
namespace {

using namespace std::chrono_literals;

TEST(Restart, the_sequence_goes_on_and_what_was_missed_is_counted) {
  LocalBus bus;
  auto publisher = bus.publisher(2);
  auto subscriber = bus.subscriber();
  bus.connect(publisher, subscriber);
  send(*publisher.port, "1");
  EXPECT_EQ(text_of(subscriber.port->take()), "1");
  send(*publisher.port, "2");  // still in the old queue at the restart
  bus.come_over(publisher);
  EXPECT_EQ(send(*publisher.port, "3"), 3U);
  EXPECT_EQ(send(*publisher.port, "4"), 4U);
  EXPECT_EQ(send(*publisher.port, "5"), 5U);
  bus.come_over(subscriber);
  bus.connect(publisher, subscriber, 2);
  for (const char* expected : {"2", "4", "5"}) EXPECT_EQ(text_of(subscriber.port->take()), expected);
  EXPECT_EQ(subscriber.port->lost(), 1U);
}

TEST(Restart, what_was_sent_before_a_subscriber_came_is_not_lost_by_one) {
  LocalBus bus;
  auto publisher = bus.publisher();
  for (int i = 0; i < 100; ++i) send(*publisher.port, "before");
  auto subscriber = bus.subscriber();
  bus.connect(publisher, subscriber);
  for (int restart = 0; restart < 2; ++restart) {
    bus.come_over(subscriber);
    bus.come_over(publisher);
    bus.connect(publisher, subscriber);
  }
  send(*publisher.port, "after");
  EXPECT_EQ(text_of(subscriber.port->take()), "after");
  EXPECT_EQ(subscriber.port->lost(), 0U);
}

TEST(Restart, two_in_a_row_remember_what_was_delivered_before_the_first) {
  LocalBus bus;
  auto publisher = bus.publisher(2);
  auto subscriber = bus.subscriber();
  bus.connect(publisher, subscriber);
  for (const char* text : {"1", "2"}) send(*publisher.port, text);
  for (const char* expected : {"1", "2"}) EXPECT_EQ(text_of(subscriber.port->take()), expected);
  bus.come_over(subscriber);
  bus.come_over(publisher);
  bus.connect(publisher, subscriber);
  bus.come_over(subscriber);
  bus.come_over(publisher);
  bus.connect(publisher, subscriber, 2);
  send(*publisher.port, "3");
  EXPECT_EQ(text_of(subscriber.port->take()), "3");
  EXPECT_FALSE(subscriber.port->take());
  EXPECT_EQ(subscriber.port->lost(), 0U);
}

TEST(Restart, kept_values_are_not_delivered_again_when_the_publisher_comes_over_first) {
  LocalBus bus;
  auto publisher = bus.publisher(2);
  auto subscriber = bus.subscriber();
  bus.connect(publisher, subscriber);
  send(*publisher.port, "1");
  bus.come_over(publisher);
  EXPECT_EQ(text_of(subscriber.port->take()), "1");
  EXPECT_FALSE(subscriber.port->take());
  bus.come_over(subscriber);
  bus.connect(publisher, subscriber, 2);
  EXPECT_FALSE(subscriber.port->take());
  EXPECT_EQ(subscriber.port->lost(), 0U);
}

TEST(Restart, a_kept_value_that_was_delivered_before_and_gives_way_to_new_ones_is_not_lost) {
  LocalBus bus;
  auto publisher = bus.publisher(4);
  auto subscriber = bus.subscriber(2);
  bus.connect(publisher, subscriber);
  for (const char* text : {"1", "2"}) send(*publisher.port, text);
  for (const char* expected : {"1", "2"}) EXPECT_EQ(text_of(subscriber.port->take()), expected);
  bus.come_over(subscriber);
  bus.come_over(publisher);
  bus.connect(publisher, subscriber, 4);
  for (const char* text : {"3", "4", "5"}) send(*publisher.port, text);
  for (const char* expected : {"4", "5"}) EXPECT_EQ(text_of(subscriber.port->take()), expected);
  EXPECT_EQ(subscriber.port->lost(), 1U);
}

TEST(Restart, what_is_sent_over_the_old_connection_comes_first_and_wakes_when_the_new_one_is_there) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  bus.connect(publisher, subscriber);
  bus.come_over(subscriber);
  PublisherPlace place = bus.new_place(construct_publisher_block(bus.allocate(4096), publisher.id, 0), 1 << 20);
  publisher.extent = place.extent;
  const auto prepared = bus.prepare(publisher, subscriber);
  bus.attach_subscriber(publisher, subscriber, prepared);
  std::thread sleeper([&] { EXPECT_EQ(subscriber.port->wait(60s), Waited::ready); });
  while ((subscriber.block->bell.word.load() & 3) != 1) std::this_thread::yield();
  send(*publisher.port, "old way");
  publisher.port->rebind(std::move(place));
  bus.attach_publisher(publisher, subscriber, prepared, 0);
  sleeper.join();
  send(*publisher.port, "new way");
  EXPECT_EQ(text_of(subscriber.port->take()), "old way");
  EXPECT_EQ(text_of(subscriber.port->take()), "new way");
  EXPECT_EQ(subscriber.port->lost(), 0U);
}

TEST(Restart, a_publisher_that_dies_before_it_comes_over_is_noticed_and_its_connection_ends) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  const pid_t dead = ::fork();
  if (dead == 0) ::_exit(0);
  const auto prepared = bus.prepare(publisher, subscriber);
  ConnectSpec spec;
  spec.connection_id = prepared.id;
  spec.connection = prepared.block;
  spec.extent = publisher.extent;
  spec.peer.publisher_id = publisher.id;
  spec.peer.pid = static_cast<uint32_t>(dead);  // a child that nobody has waited for counts as alive
  subscriber.port->connect(std::move(spec));
  bus.attach_publisher(publisher, subscriber, prepared, 0);
  bus.come_over(subscriber);
  send(*publisher.port, "last words");
  ASSERT_EQ(::waitpid(dead, nullptr, 0), dead);
  EXPECT_EQ(text_of(subscriber.port->take()), "last words");
  EXPECT_FALSE(subscriber.port->take());
  auto other = bus.publisher();
  bus.connect(other, subscriber);
  send(*other.port, "newer");  // in its place for latest()
  EXPECT_EQ(text_of(subscriber.port->take()), "newer");
  EXPECT_EQ(*subscriber.closed, std::vector<uint64_t>{prepared.id});
}

TEST(Restart, a_draft_made_before_it_is_published_after_it) {
  LocalBus bus;
  auto publisher = bus.publisher();
  Loan loan = publisher.port->loan(5);
  std::memcpy(loan.data(), "draft", 5);
  publisher.port->rebind(bus.new_place(construct_publisher_block(bus.allocate(4096), publisher.id, 0), 1 << 20));
  EXPECT_EQ(publisher.port->send(loan, 5, 0ms), 1U);
  EXPECT_EQ(publisher.port->loans(), 0U);
}

TEST(Restart, a_connection_that_ends_while_another_waits_for_room_is_not_looked_at_again) {
  LocalBus bus;
  auto ended = bus.publisher(), first = bus.publisher(), second = bus.publisher();
  auto subscriber = bus.subscriber(1, true);
  for (auto* publisher : {&ended, &first, &second}) bus.connect(*publisher, subscriber);
  send(*first.port, "first");
  send(*second.port, "second");
  bus.come_over(ended);
  bus.come_over(subscriber);  // the first message takes the room, before the second publisher's turn
  EXPECT_EQ(text_of(subscriber.port->take()), "first");
  EXPECT_EQ(text_of(subscriber.port->take()), "second");
  EXPECT_FALSE(subscriber.port->take());
}

TEST(Restart, a_connection_whose_publisher_never_heard_of_it_ends) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  const auto prepared = bus.prepare(publisher, subscriber);
  bus.attach_subscriber(publisher, subscriber, prepared);
  bus.come_over(subscriber);
  EXPECT_EQ(*subscriber.closed, std::vector<uint64_t>{prepared.id});
  // What busd said before it died may still be heard: then nothing is pushed there.
  bus.attach_publisher(publisher, subscriber, prepared, 0);
  send(*publisher.port, "nobody hears this");
  EXPECT_EQ(prepared.block->queue.size(), 0U);
  bus.come_over(publisher);
  bus.connect(publisher, subscriber);
  send(*publisher.port, "and this is heard");
  EXPECT_EQ(text_of(subscriber.port->take()), "and this is heard");
  EXPECT_EQ(subscriber.port->lost(), 0U);
}

}  // namespace
}  // namespace polybus::bus::test

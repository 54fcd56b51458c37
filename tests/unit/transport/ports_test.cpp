#include <gtest/gtest.h>
#include <poll.h>

#include <polybus/error.hpp>
#include <thread>

#include "bus/transport/limits.hpp"
#include "tests/unit/transport/local_bus.hpp"

namespace polybus::bus::test {
namespace {

using namespace std::chrono_literals;

Code code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_FALSE(std::string(error.what()).empty());
    return error.code();
  }
  return Code::ok;
}

bool readable(int fd) {
  pollfd poll_fd{fd, POLLIN, 0};
  return ::poll(&poll_fd, 1, 0) == 1;
}

TEST(Ports, a_message_arrives_with_its_bytes_and_where_they_lie) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  bus.connect(publisher, subscriber);
  EXPECT_EQ(send(*publisher.port, "hello"), 1U);
  const Sample sample = subscriber.port->take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(text_of(sample), "hello");
  EXPECT_EQ(sample->header().sequence, 1U);
  EXPECT_EQ(sample->header().publisher_id, publisher.id);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(sample->payload()) % 64, 0U);
  EXPECT_TRUE(publisher.extent->contains(bus.window()->offset_of(sample->payload()), 5));
  EXPECT_FALSE(subscriber.port->take());
}

TEST(Ports, a_full_queue_drops_the_oldest_and_counts_each) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber(4);
  bus.connect(publisher, subscriber);
  for (int i = 1; i <= 10; ++i) send(*publisher.port, std::to_string(i));
  for (int i = 7; i <= 10; ++i) EXPECT_EQ(text_of(subscriber.port->take()), std::to_string(i));
  EXPECT_FALSE(subscriber.port->take());
  EXPECT_EQ(subscriber.port->lost(), 6U);
  EXPECT_EQ(subscriber.port->taken() + subscriber.port->lost(), 10U);
}

TEST(Ports, the_visible_depth_stays_n_although_ring_and_queue_both_hold_messages) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber(4);
  bus.connect(publisher, subscriber);
  for (int i = 1; i <= 4; ++i) send(*publisher.port, std::to_string(i));
  EXPECT_EQ(text_of(subscriber.port->take()), "1");
  for (int i = 5; i <= 8; ++i) send(*publisher.port, std::to_string(i));
  for (int i = 5; i <= 8; ++i) EXPECT_EQ(text_of(subscriber.port->take()), std::to_string(i));
  EXPECT_EQ(subscriber.port->lost(), 3U);
}

TEST(Ports, latest_gives_the_newest_and_consumes_nothing) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  bus.connect(publisher, subscriber);
  EXPECT_FALSE(subscriber.port->latest());
  send(*publisher.port, "a");
  send(*publisher.port, "b");
  EXPECT_EQ(text_of(subscriber.port->latest()), "b");
  EXPECT_EQ(text_of(subscriber.port->take()), "a");
  EXPECT_EQ(text_of(subscriber.port->take()), "b");
  EXPECT_EQ(text_of(subscriber.port->latest()), "b");
  EXPECT_EQ(subscriber.port->held(), 0U);
}

TEST(Ports, a_late_joiner_gets_the_kept_values_it_asked_for) {
  LocalBus bus;
  auto publisher = bus.publisher(3);
  for (int i = 1; i <= 5; ++i) send(*publisher.port, std::to_string(i));
  auto subscriber = bus.subscriber();
  bus.connect(publisher, subscriber, 2);
  EXPECT_EQ(text_of(subscriber.port->take()), "4");
  EXPECT_EQ(text_of(subscriber.port->take()), "5");
  EXPECT_EQ(subscriber.port->lost(), 0U);
  const auto kept = read_kept_values(publisher.block);
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept.back().sequence, 5U);
}

TEST(Ports, kept_values_of_a_dead_publisher_are_served_by_whoever_pushes_them) {
  LocalBus bus;
  auto publisher = bus.publisher(2);
  send(*publisher.port, "old");
  send(*publisher.port, "new");
  auto subscriber = bus.subscriber();
  const auto prepared = bus.prepare(publisher, subscriber);
  push_kept_values(prepared.block, subscriber.block, read_kept_values(publisher.block));
  bus.attach_subscriber(publisher, subscriber, prepared);
  EXPECT_EQ(subscriber.port->wait(0ns), Waited::ready);
  EXPECT_EQ(text_of(subscriber.port->take()), "old");
  EXPECT_EQ(text_of(subscriber.port->take()), "new");
  EXPECT_FALSE(subscriber.port->take());
}

TEST(Ports, samples_outlive_subscriber_and_publisher_ports) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  const uint64_t id = bus.connect(publisher, subscriber);
  send(*publisher.port, "kept");
  Sample sample = subscriber.port->take();
  subscriber.port.reset();
  publisher.port.reset();
  publisher.extent.reset();
  EXPECT_EQ(text_of(sample), "kept");
  EXPECT_TRUE(subscriber.closed->empty());
  EXPECT_EQ(bus.extents_unmapped, 0);
  sample.reset();
  EXPECT_EQ(*subscriber.closed, std::vector<uint64_t>{id});
  EXPECT_EQ(bus.extents_unmapped, 1);
}

TEST(Ports, what_a_gone_publisher_sent_is_still_served_and_then_the_connection_closes) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  const uint64_t id = bus.connect(publisher, subscriber);
  send(*publisher.port, "last words");
  publisher.port->close();
  subscriber.port->publisher_gone(id);
  EXPECT_EQ(text_of(subscriber.port->take()), "last words");
  EXPECT_FALSE(subscriber.port->take());
  EXPECT_TRUE(subscriber.closed->empty()) << "latest() may still ask for it";
  EXPECT_EQ(text_of(subscriber.port->latest()), "last words");
}

TEST(Ports, no_chunk_is_lost_however_a_subscriber_ends) {
  LocalBus bus;
  auto publisher = bus.publisher(0, 1 << 20);
  for (int round = 0; round < 200; ++round) {
    auto subscriber = bus.subscriber(64);
    const uint64_t id = bus.connect(publisher, subscriber);
    for (int i = 0; i < 100; ++i) send(*publisher.port, std::string(1000, 'x'));
    for (int i = 0; i < round % 7; ++i) subscriber.port->take();
    publisher.port->detach(id);  // what happens at its death: nothing was released, nothing said
  }
  EXPECT_EQ(publisher.port->memory_bytes() < (1 << 20), true);
  EXPECT_EQ(code_of([&] { send(*publisher.port, std::string(1000, 'x')); }), Code::ok);
}

TEST(Ports, loans_have_a_bound_and_discarding_gives_them_back) {
  LocalBus bus;
  auto publisher = bus.publisher();
  std::vector<Loan> loans;
  for (uint32_t i = 0; i < kLoansMax; ++i) loans.push_back(publisher.port->loan(10));
  EXPECT_EQ(code_of([&] { (void)publisher.port->loan(10); }), Code::too_many_loans);
  loans.pop_back();
  EXPECT_EQ(code_of([&] { (void)publisher.port->loan(10); }), Code::ok);
  loans.clear();
  EXPECT_EQ(publisher.port->loans(), 0U);
}

TEST(Ports, held_samples_have_a_bound_and_nothing_is_lost_at_it) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber(1024);
  bus.connect(publisher, subscriber);
  std::vector<Sample> held;
  for (uint32_t i = 0; i < kHeldMax; ++i) {
    send(*publisher.port, "x");
    held.push_back(subscriber.port->take());
    ASSERT_TRUE(held.back());
  }
  EXPECT_FALSE(subscriber.port->take());
  send(*publisher.port, "one too many");
  EXPECT_EQ(code_of([&] { (void)subscriber.port->take(); }), Code::too_many_samples);
  held.pop_back();
  EXPECT_EQ(text_of(subscriber.port->take()), "one too many");
  EXPECT_EQ(subscriber.port->lost(), 0U);
}

TEST(Ports, a_message_beyond_the_quota_is_too_large_and_used_up_memory_names_who_holds_it) {
  LocalBus bus;
  auto publisher = bus.publisher(0, 1 << 20);
  EXPECT_EQ(code_of([&] { (void)publisher.port->loan(2 << 20); }), Code::too_large);
  EXPECT_EQ(code_of([&] { (void)publisher.port->loan(8ull << 30); }), Code::too_large);
  auto subscriber = bus.subscriber(64);
  bus.connect(publisher, subscriber);
  try {
    for (int i = 0; i < 100; ++i) send(*publisher.port, std::string(100'000, 'x'));
    FAIL() << "100 messages of 100 kB in 1 MiB";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::no_memory);
    EXPECT_NE(std::string(error.what()).find("listener"), std::string::npos) << error.what();
  }
  while (subscriber.port->take()) {
  }
  EXPECT_EQ(code_of([&] { send(*publisher.port, std::string(100'000, 'x')); }), Code::ok);
}

TEST(Ports, memory_of_sizes_nobody_sends_any_more_serves_those_that_are_needed_now) {
  LocalBus bus;
  auto publisher = bus.publisher(0, 4 << 20);
  for (uint64_t bytes : {100, 1000, 10'000, 100'000, 1'000'000, 3'000'000, 100, 3'500'000})
    EXPECT_EQ(code_of([&] { (void)publisher.port->loan(bytes); }), Code::ok) << bytes;
}

TEST(Ports, payload_grows_while_others_look) {
  LocalBus bus;
  auto publisher = bus.publisher(0, 64 << 20);
  auto subscriber = bus.subscriber(1024);
  bus.connect(publisher, subscriber);
  for (uint64_t bytes = 1; bytes <= (4 << 20); bytes *= 4) send(*publisher.port, std::string(bytes, 'g'));
  for (uint64_t bytes = 1; bytes <= (4 << 20); bytes *= 4) {
    const Sample sample = subscriber.port->take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->payload_bytes(), bytes);
    EXPECT_EQ(static_cast<char>(sample->payload()[bytes - 1]), 'g');
  }
}

TEST(Ports, a_blocking_subscriber_holds_its_publisher_up_to_the_timeout_and_nothing_is_sent_then) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber(2, true);
  auto other = bus.subscriber(16);
  bus.connect(publisher, subscriber);
  bus.connect(publisher, other);
  send(*publisher.port, "1");
  send(*publisher.port, "2");
  Loan loan = publisher.port->loan(1);
  EXPECT_EQ(code_of([&] { publisher.port->send(loan, 1, 0ms); }), Code::timeout);
  EXPECT_EQ(code_of([&] { publisher.port->send(loan, 1, 20ms); }), Code::timeout);
  EXPECT_TRUE(loan) << "still the caller's";
  EXPECT_EQ(publisher.port->sequence(), 2U);
  std::thread taker([&] {
    while (subscriber.port->taken() < 1) subscriber.port->take();
  });
  EXPECT_EQ(publisher.port->send(loan, 1, 60s), 3U);
  taker.join();
  EXPECT_EQ(subscriber.port->lost(), 0U);
}

TEST(Ports, a_blocked_publisher_is_let_go_when_its_subscriber_closes_or_is_detached) {
  LocalBus bus;
  auto publisher = bus.publisher();
  for (bool closes : {true, false}) {
    auto subscriber = bus.subscriber(1, true);
    const uint64_t id = bus.connect(publisher, subscriber);
    send(*publisher.port, "fills it");
    std::thread sender([&] { send(*publisher.port, "waits", -1ms); });
    if (closes)
      subscriber.port->close();
    else
      publisher.port->detach(id);
    sender.join();
  }
}

TEST(Ports, messages_of_several_publishers_are_served_in_turn_and_in_order) {
  LocalBus bus;
  auto first = bus.publisher();
  auto second = bus.publisher();
  auto subscriber = bus.subscriber(64);
  bus.connect(first, subscriber);
  bus.connect(second, subscriber);
  for (int i = 0; i < 10; ++i) send(*first.port, "first");
  for (int i = 0; i < 10; ++i) send(*second.port, "second");
  uint64_t newest[2] = {0, 0};
  for (int i = 0; i < 20; ++i) {
    const Sample sample = subscriber.port->take();
    ASSERT_TRUE(sample);
    uint64_t& before = newest[sample->header().publisher_id == first.id ? 0 : 1];
    EXPECT_EQ(sample->header().sequence, before + 1);
    before = sample->header().sequence;
    if (i == 3) {
      EXPECT_EQ(newest[0], newest[1]) << "in turn";
    }
  }
}

TEST(Ports, waiting_ends_with_a_message_a_timeout_or_the_subscribers_end) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  bus.connect(publisher, subscriber);
  EXPECT_EQ(subscriber.port->wait(0ns), Waited::timeout);
  EXPECT_EQ(subscriber.port->wait(1ms), Waited::timeout);
  std::thread sender([&] { send(*publisher.port, "wake up"); });
  EXPECT_EQ(subscriber.port->wait(60s), Waited::ready);
  sender.join();
  EXPECT_TRUE(subscriber.port->take());
  std::thread closer([&] { subscriber.port->close(); });
  EXPECT_EQ(subscriber.port->wait(-1ns), Waited::closed);
  closer.join();
  EXPECT_EQ(code_of([&] { (void)subscriber.port->take(); }), Code::closed);
}

TEST(Ports, no_wake_is_lost_between_two_threads_that_take_turns) {
  LocalBus bus;
  auto ping = bus.publisher(), pong = bus.publisher();
  auto ping_subscriber = bus.subscriber(), pong_subscriber = bus.subscriber();
  bus.connect(ping, ping_subscriber);
  bus.connect(pong, pong_subscriber);
  constexpr int kRounds = 20'000;
  std::thread echo([&] {
    for (int i = 0; i < kRounds; ++i) {
      ASSERT_EQ(ping_subscriber.port->wait(60s), Waited::ready);
      ASSERT_TRUE(ping_subscriber.port->take());
      send(*pong.port, "pong");
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    send(*ping.port, "ping");
    ASSERT_EQ(pong_subscriber.port->wait(60s), Waited::ready);
    ASSERT_TRUE(pong_subscriber.port->take());
  }
  echo.join();
}

TEST(Ports, the_descriptor_is_readable_while_messages_wait) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  const uint64_t id = bus.connect(publisher, subscriber);
  const int fd = subscriber.port->wake_fd();
  publisher.port->set_wake_fd(id, ::dup(fd));
  EXPECT_FALSE(subscriber.port->take());
  EXPECT_FALSE(readable(fd));
  send(*publisher.port, "1");
  send(*publisher.port, "2");
  EXPECT_TRUE(readable(fd));
  EXPECT_TRUE(subscriber.port->take());
  EXPECT_TRUE(readable(fd));
  EXPECT_TRUE(subscriber.port->take());
  EXPECT_FALSE(subscriber.port->take());
  EXPECT_FALSE(readable(fd));
  send(*publisher.port, "3");
  EXPECT_TRUE(readable(fd));
}

TEST(Ports, a_draft_larger_than_its_loan_is_refused_and_a_second_publish_too) {
  LocalBus bus;
  auto publisher = bus.publisher();
  Loan loan = publisher.port->loan(10);
  EXPECT_EQ(code_of([&] { publisher.port->send(loan, loan.capacity() + 1, 0ms); }), Code::invalid_argument);
  EXPECT_EQ(publisher.port->send(loan, 10, 0ms), 1U);
  EXPECT_EQ(code_of([&] { publisher.port->send(loan, 10, 0ms); }), Code::invalid_argument);
}

TEST(Ports, a_closed_publisher_refuses_and_its_loans_stay_readable) {
  LocalBus bus;
  auto publisher = bus.publisher();
  Loan loan = publisher.port->loan(10);
  publisher.port->close();
  EXPECT_EQ(code_of([&] { publisher.port->send(loan, 1, 0ms); }), Code::closed);
  publisher.port.reset();
  std::memset(loan.data(), 1, 10);
}

// ---- dying and stopped in the middle ---------------------------------------------------------------------------------

TEST(Ports, a_publisher_stopped_right_before_its_wake_does_not_silence_another) {
  LocalBus bus;
  auto stopped = bus.publisher();
  auto running = bus.publisher();
  auto subscriber = bus.subscriber();
  bus.connect(stopped, subscriber);
  bus.connect(running, subscriber);
  std::thread sleeper([&] { EXPECT_EQ(subscriber.port->wait(60s), Waited::ready); });
  std::atomic<uint32_t>& word = subscriber.block->bell.word;
  while ((word.load() & 3) != 1) std::this_thread::yield();
  word.fetch_add(1);  // from armed to ringing, as far as the stopped one gets
  send(*running.port, "heard");
  sleeper.join();
  EXPECT_EQ(text_of(subscriber.port->take()), "heard");
}

TEST(Ports, what_a_publisher_pushed_last_before_it_died_is_served_although_it_set_no_ready_bit) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  const uint64_t id = bus.connect(publisher, subscriber);
  EXPECT_FALSE(subscriber.port->take());
  send(*publisher.port, "last words");
  subscriber.block->ready[0].store(0);
  EXPECT_FALSE(subscriber.port->take());
  subscriber.port->publisher_gone(id);
  EXPECT_EQ(subscriber.port->wait(0ns), Waited::ready);
  EXPECT_EQ(text_of(subscriber.port->take()), "last words");
}

TEST(Ports, a_late_write_does_not_keep_the_descriptor_readable_with_nothing_to_take) {
  LocalBus bus;
  auto subscriber = bus.subscriber();
  const int fd = subscriber.port->wake_fd();
  EXPECT_FALSE(subscriber.port->take());
  const uint64_t one = 1;
  ASSERT_EQ(::write(fd, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  EXPECT_FALSE(subscriber.port->take());
  EXPECT_FALSE(readable(fd));
}

TEST(Ports, a_detach_that_comes_after_close_leaves_a_block_alone_that_may_be_anothers_by_then) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  const auto prepared = bus.prepare(publisher, subscriber);
  bus.attach_subscriber(publisher, subscriber, prepared);
  bus.attach_publisher(publisher, subscriber, prepared, 0);
  publisher.port->close();
  construct_connection_block(prepared.block, 16, 0, false);
  publisher.port->detach(prepared.id);
  EXPECT_EQ(prepared.block->state.load(), ConnectionState::open);
}

TEST(Ports, a_message_that_cannot_be_is_skipped_counted_and_given_back) {
  LocalBus bus;
  auto publisher = bus.publisher();
  auto subscriber = bus.subscriber();
  const auto prepared = bus.prepare(publisher, subscriber);
  bus.attach_subscriber(publisher, subscriber, prepared);
  bus.attach_publisher(publisher, subscriber, prepared, 0);
  for (const char* text : {"1", "2", "3"}) send(*publisher.port, text);
  prepared.block->lent[1].store(bus.window()->size() - 8);
  EXPECT_EQ(text_of(subscriber.port->take()), "1");
  EXPECT_EQ(text_of(subscriber.port->take()), "3");
  EXPECT_EQ(subscriber.port->lost(), 1U);
  EXPECT_EQ(prepared.block->returned.size(), 2U) << "1 and 2; the newest is kept for latest()";
}

TEST(Ports, more_kept_values_than_the_queue_holds_are_not_lost_by_a_late_joiner) {
  LocalBus bus;
  auto publisher = bus.publisher(8);
  for (int i = 1; i <= 8; ++i) send(*publisher.port, std::to_string(i));
  auto subscriber = bus.subscriber(2);
  bus.connect(publisher, subscriber, 8);
  for (const char* expected : {"7", "8"}) EXPECT_EQ(text_of(subscriber.port->take()), expected);
  EXPECT_EQ(subscriber.port->lost(), 0U);
}

}  // namespace
}  // namespace polybus::bus::test

// Receiving: order, loss, history, waiting, and how long samples live.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <thread>

#include "test_bus.hpp"

using namespace testing_bus;
using polybus::Code;
using polybus::Dynamic;
using polybus::Taken;

class Taking : public TestBus {};

namespace {

bool readable(int fd, int timeout_ms) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, timeout_ms) == 1;
}

std::string take_text(polybus::Subscriber<Dynamic>& sub) {
  auto sample = sub.take(kPatience);
  return sample ? text_of(sample.data()) : "(nothing)";
}

}  // namespace

TEST_F(Taking, keeps_the_order_of_a_publisher) {
  auto node = this->node();
  auto pub = node.publisher("a");
  auto sub = node.subscriber("a", {.queue = 1024});
  for (int i = 0; i < 1000; ++i) pub.publish_bytes(std::to_string(i));
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(take_text(sub), std::to_string(i));
  EXPECT_FALSE(sub.take());
  EXPECT_EQ(sub.lost(), 0u);
}

TEST_F(Taking, drops_the_oldest_and_counts_exactly) {
  auto node = this->node();
  auto pub = node.publisher("a");
  auto sub = node.subscriber("a", {.queue = 8});
  for (int i = 1; i <= 100; ++i) pub.publish_bytes(std::to_string(i));
  std::vector<std::string> got;
  while (auto sample = sub.take()) got.push_back(text_of(sample.data()));
  EXPECT_EQ(sub.stats().taken, got.size());
  EXPECT_EQ(sub.lost() + got.size(), 100u);
  EXPECT_GE(got.size(), 8u);
  EXPECT_EQ(got.back(), "100");
  EXPECT_EQ(got[got.size() - 8], "93");
}

TEST_F(Taking, serves_all_publishers_of_a_topic) {
  auto node = this->node();
  std::vector<polybus::Publisher<polybus::Bytes>> pubs;
  for (int i = 0; i < 10; ++i) pubs.push_back(node.publisher("a"));
  auto sub = node.subscriber("a", {.queue = 64});
  EXPECT_EQ(sub.stats().publishers, 10u);
  for (auto& pub : pubs) {
    for (int i = 0; i < 5; ++i) pub.publish_bytes("x");
  }
  std::map<uint64_t, uint64_t> next;
  for (int i = 0; i < 50; ++i) {
    auto sample = sub.take(kPatience);
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->info().seq, ++next[sample->info().publisher_id]);
  }
  EXPECT_EQ(next.size(), 10u);
}

TEST_F(Taking, gives_late_comers_the_kept_values) {
  auto node = this->node();
  auto pub = node.publisher("a", {.history = 3});
  for (const char* text : {"1", "2", "3", "4", "5"}) pub.publish_bytes(text);
  auto all = node.subscriber("a"), one = node.subscriber("a", {.history = 1}),
       none = node.subscriber("a", {.history = 0});
  EXPECT_EQ(take_text(all), "3");
  EXPECT_EQ(take_text(all), "4");
  EXPECT_EQ(take_text(all), "5");
  EXPECT_EQ(take_text(one), "5");
  EXPECT_FALSE(none.take());
  EXPECT_EQ(all.lost() + one.lost() + none.lost(), 0u);
}

TEST_F(Taking, gives_kept_values_of_a_publisher_that_is_gone) {
  ASSERT_EQ(in_child([&] {
              auto node = this->node("short-lived");
              node.publisher("a", {.history = 2}).publish_bytes("last words");
              return 0;
            }),
            0);
  auto node = this->node();
  auto sub = node.subscriber("a");
  EXPECT_EQ(take_text(sub), "last words");
}

// The value is published between busd's choice of kept values and the moment the two are connected.
TEST_F(Taking, gives_the_newest_kept_value_also_when_both_ends_come_at_once) {
  constexpr int kRounds = 200;
  Signal ready, go;
  const pid_t child = start_child([&]() -> int {
    auto own = this->node("other");
    std::vector<polybus::Publisher<polybus::Bytes>> pubs;
    for (int i = 0; i < kRounds; ++i) {
      ready.give();
      go.await();
      pubs.push_back(own.publisher("a/" + std::to_string(i), {.history = 1}));
      pubs.back().publish_bytes("now");
    }
    ready.give();
    go.await();
    return 0;
  });
  auto node = this->node();
  ready.await();
  for (int i = 0; i < kRounds; ++i) {
    go.give();
    const auto moment = std::chrono::steady_clock::now() + std::chrono::microseconds(3 * i);  // another one each round
    while (std::chrono::steady_clock::now() < moment) {
    }
    auto sub = node.subscriber("a/" + std::to_string(i));
    ready.await();  // it has published
    ASSERT_TRUE(sub.take(5s)) << "round " << i;
  }
  go.give();
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(Taking, latest_gives_the_newest_and_consumes_nothing) {
  auto node = this->node();
  auto pub = node.publisher("a");
  auto sub = node.subscriber("a");
  EXPECT_FALSE(sub.latest());
  pub.publish_bytes("old");
  pub.publish_bytes("new");
  EXPECT_EQ(text_of(sub.latest().data()), "new");
  EXPECT_EQ(text_of(sub.latest().data()), "new");
  EXPECT_EQ(take_text(sub), "old");
  EXPECT_EQ(take_text(sub), "new");
  EXPECT_EQ(text_of(sub.latest().data()), "new");
}

TEST_F(Taking, waits_no_longer_than_told_and_wakes_for_a_message) {
  auto node = this->node();
  auto pub = node.publisher("a");
  auto sub = node.subscriber("a");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(sub.take(30ms));
  EXPECT_FALSE(sub.wait(30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 60ms);

  std::thread publisher([&] { pub.publish_bytes("wake up"); });
  EXPECT_TRUE(sub.wait(kPatience));
  EXPECT_EQ(take_text(sub), "wake up");
  publisher.join();
  EXPECT_EQ(sub.try_take()->has_value(), false);
}

TEST_F(Taking, close_wakes_whoever_waits) {
  auto node = this->node();
  auto sub = node.subscriber("a");
  std::atomic<bool> started = false;
  std::thread waiter([&] {
    started = true;
    EXPECT_EQ(code_of([&] { sub.take(polybus::Timeout(-1)); }), Code::closed);
  });
  while (!started) std::this_thread::yield();
  sub.close();
  waiter.join();
  sub.close();
  EXPECT_EQ(code_of([&] { sub.take(); }), Code::closed);
  EXPECT_EQ(sub.try_take().error().code(), Code::closed);
  EXPECT_EQ(code_of([&] { sub.latest(); }), Code::closed);
  EXPECT_EQ(code_of([&] { sub.wait(0ms); }), Code::closed);
}

TEST_F(Taking, descriptor_is_readable_while_samples_wait) {
  auto node = this->node();
  auto sub = node.subscriber("a");
  const int fd = sub.fd();
  EXPECT_EQ(sub.fd(), fd);
  auto pub = node.publisher("a");
  EXPECT_FALSE(sub.take());
  EXPECT_FALSE(readable(fd, 0));
  for (int round = 0; round < 3; ++round) {
    pub.publish_bytes("1");
    pub.publish_bytes("2");
    EXPECT_TRUE(readable(fd, 30'000));
    EXPECT_TRUE(sub.take());
    EXPECT_TRUE(readable(fd, 30'000)) << "one is still there";
    EXPECT_TRUE(sub.take());
    EXPECT_FALSE(sub.take());
    EXPECT_FALSE(readable(fd, 0)) << "round " << round;
  }
}

TEST_F(Taking, descriptor_wakes_for_messages_of_another_process) {
  auto node = this->node();
  auto sub = node.subscriber("a");
  const int fd = sub.fd();
  EXPECT_FALSE(sub.take());
  const pid_t child = start_child([&] {
    auto own = this->node("child");
    own.publisher("a").publish_bytes("from the child");
    return 0;
  });
  EXPECT_TRUE(readable(fd, 30'000));
  EXPECT_EQ(take_text(sub), "from the child");
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(Taking, loop_ends_quietly_after_a_pause) {
  auto node = this->node();
  auto pub = node.publisher("a");
  auto sub = node.subscriber("a", {.timeout = 30ms});
  for (const char* text : {"1", "2", "3"}) pub.publish_bytes(text);
  std::string all;
  for (const auto& sample : sub) all += text_of(sample.data());
  EXPECT_EQ(all, "123");
}

TEST_F(Taking, holds_so_many_samples_and_no_more_and_loses_nothing_by_it) {
  auto node = this->node();
  auto pub = node.publisher("a");
  auto sub = node.subscriber("a", {.queue = 16});
  std::vector<Taken<Dynamic>> held;
  std::string message;
  Code code = Code::ok;
  while (held.size() < 1100 && code == Code::ok) {
    pub.publish_bytes(std::to_string(held.size()));
    code = code_of([&] { held.push_back(sub.take(kPatience)); }, &message);
  }
  EXPECT_EQ(code, Code::too_many_samples);
  EXPECT_NE(message.find("1024"), std::string::npos) << message;
  EXPECT_EQ(held.size(), 1024u);
  const std::string first = text_of(held.front().data());
  held.erase(held.begin(), held.begin() + 10);
  EXPECT_EQ(first, "0");
  EXPECT_EQ(take_text(sub), "1024");
  EXPECT_EQ(sub.lost(), 0u);
}

TEST_F(Taking, samples_outlive_subscriber_node_and_publisher) {
  Taken<Dynamic> sample, copy;
  {
    auto node = this->node();
    auto pub = node.publisher("a");
    auto sub = node.subscriber("a");
    pub.publish_bytes("still here");
    sample = sub.take(kPatience);
    copy = sample;
    node.close();
  }
  ASSERT_TRUE(sample);
  EXPECT_EQ(text_of(sample.data()), "still here");
  sample.reset();
  EXPECT_EQ(text_of(copy.data()), "still here");
  EXPECT_EQ(copy.info().topic, "a");
}

TEST_F(Taking, samples_outlive_the_publishers_process) {
  auto node = this->node();
  auto sub = node.subscriber("a", {.queue = 4});
  const pid_t child = start_child([&]() -> int {
    auto own = this->node("doomed");
    auto pub = own.publisher("a");
    for (int i = 0; i < 4; ++i) pub.publish_bytes("written by the dead");
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  auto sample = sub.take(kPatience);
  EXPECT_EQ(end_of(child), 128 + SIGKILL);
  ASSERT_TRUE(sample);
  ASSERT_TRUE(eventually([&] { return node.graph().topics.empty() || node.graph().topics[0].publishers.empty(); }));
  auto successor = node.publisher("a");
  for (int i = 0; i < 100; ++i) successor.publish_bytes("somebody else");
  EXPECT_EQ(text_of(sample.data()), "written by the dead");
}

TEST_F(Taking, publisher_survives_a_subscriber_that_dies_holding_samples) {
  auto node = this->node();
  auto pub = node.publisher("a", {.quota = 4 << 20});
  std::vector<std::byte> large(256 << 10);
  for (int round = 0; round < 5; ++round) {
    Signal ready;
    const pid_t child = start_child([&]() -> int {
      auto own = this->node("holder");
      auto sub = own.subscriber("a");
      ready.give();
      std::vector<Taken<Dynamic>> held;
      while (held.size() < 8) held.push_back(sub.take(kPatience));
      ::kill(::getpid(), SIGKILL);
      return 0;
    });
    ready.await();
    EXPECT_TRUE(pub.wait_for_subscribers(1, kPatience));
    for (int i = 0; i < 8; ++i) pub.publish_bytes(large);
    EXPECT_EQ(end_of(child), 128 + SIGKILL);
    ASSERT_TRUE(eventually([&] { return pub.stats().subscribers == 0; }));
  }
  for (int i = 0; i < 100; ++i) pub.publish_bytes(large);
}

// Callbacks on the node's own thread.
#include <array>
#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "test_bus.hpp"
#include "tests/integration/words.capnp.h"

using namespace testing_bus;
using polybus::Code;
using polybus::Dynamic;
using polybus::Sample;
using words::Reading;

class Callback : public TestBus {};

TEST_F(Callback, is_called_for_every_message_in_order_on_one_other_thread) {
  auto node = this->node();
  std::vector<uint64_t> numbers;
  std::thread::id thread;
  std::promise<void> done;
  node.subscriber<Reading>("a", {.queue = 256}, [&](const Sample<Reading>& s) {
    thread = std::this_thread::get_id();
    numbers.push_back(s->getNumber());
    if (numbers.size() == 200) done.set_value();
  });
  auto pub = node.publisher<Reading>("a");
  for (uint64_t i = 0; i < 200; ++i) pub.publish([&](Reading::Builder m) { m.setNumber(i); });
  ASSERT_EQ(done.get_future().wait_for(kPatience), std::future_status::ready);
  for (uint64_t i = 0; i < 200; ++i) EXPECT_EQ(numbers[i], i);
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST_F(Callback, that_throws_is_called_again) {
  auto node = this->node();
  std::atomic<int> calls = 0;
  node.subscriber("a", [&](const Sample<Dynamic>&) {
    if (++calls % 2 == 1) throw std::runtime_error("a mistake in the program");
    throw 42;
  });
  auto pub = node.publisher("a");
  for (int i = 0; i < 6; ++i) pub.publish_bytes("x");
  EXPECT_TRUE(eventually([&] { return calls == 6; }));
}

TEST_F(Callback, is_over_when_close_returns) {
  auto node = this->node();
  std::atomic<int> calls = 0;
  auto subscription = node.subscriber("a", [&](const Sample<Dynamic>&) { ++calls; });
  EXPECT_EQ(subscription.topic(), "a");
  auto pub = node.publisher("a");
  pub.publish_bytes("x");
  ASSERT_TRUE(eventually([&] { return calls == 1; }));
  EXPECT_EQ(subscription.stats().taken, 1u);
  subscription.close();
  subscription.close();
  pub.publish_bytes("y");
  EXPECT_TRUE(eventually([&] { return pub.stats().subscribers == 0; }));
  EXPECT_EQ(calls, 1);
}

TEST_F(Callback, may_close_its_own_subscription_and_its_node) {
  auto node = this->node(), other = this->node("other");
  std::atomic<int> calls = 0;
  std::promise<polybus::Subscription*> handle;
  auto shared = handle.get_future().share();
  auto subscription = node.subscriber("a", [&](const Sample<Dynamic>&) {
    ++calls;
    shared.get()->close();
    node.close();
  });
  handle.set_value(&subscription);
  auto pub = other.publisher("a");
  for (int i = 0; i < 5; ++i) pub.publish_bytes("x");
  EXPECT_TRUE(eventually([&] { return calls == 1 && pub.stats().subscribers == 0; }));
  EXPECT_EQ(calls, 1);
}

TEST_F(Callback, sample_may_be_kept_and_used_elsewhere) {
  auto node = this->node();
  std::promise<Sample<Reading>> kept;
  std::atomic<bool> first = true;
  node.subscriber<Reading>("a", [&](const Sample<Reading>& s) {
    if (first.exchange(false)) kept.set_value(s);
  });
  auto pub = node.publisher<Reading>("a");
  pub.publish([](Reading::Builder m) { m.setFrameId("kept"); });
  auto future = kept.get_future();
  ASSERT_EQ(future.wait_for(kPatience), std::future_status::ready);
  auto sample = future.get();
  node.close();
  EXPECT_STREQ(sample->getFrameId().cStr(), "kept");
}

TEST_F(Callback, thread_serves_many_topics) {
  auto node = this->node();
  std::array<std::atomic<int>, 50> calls{};
  std::vector<polybus::Publisher<polybus::Bytes>> pubs;
  for (size_t i = 0; i < calls.size(); ++i) {
    const std::string topic = "many/" + std::to_string(i);
    node.subscriber(topic, [&calls, i](const Sample<Dynamic>&) { ++calls[i]; });
    pubs.push_back(node.publisher(topic));
  }
  for (int round = 0; round < 5; ++round) {
    for (auto& pub : pubs) pub.publish_bytes("x");
  }
  for (auto& count : calls) EXPECT_TRUE(eventually([&] { return count == 5; }));
}

// Subscribers that asked to block, and publishers that wait for them.
#include <atomic>
#include <thread>

#include "test_bus.hpp"

using namespace testing_bus;
using polybus::Code;
using polybus::Overflow;

class Blocking : public TestBus {};

TEST_F(Blocking, publisher_gives_up_in_time_and_names_the_slow_node) {
  auto node = this->node("fast"), slow = this->node("slowpoke");
  auto pub = node.publisher("a", {.timeout = 20ms});
  auto sub = slow.subscriber("a", {.queue = 2, .overflow = Overflow::block});
  Code code = Code::ok;
  std::string message;
  uint64_t sent = 0;
  while (code == Code::ok && sent < 100) {
    code = code_of([&] { sent = pub.publish_bytes("x"); }, &message);
  }
  EXPECT_EQ(code, Code::timeout);
  EXPECT_NE(message.find("slowpoke"), std::string::npos) << message;
  EXPECT_EQ(pub.stats().sequence, sent) << "what was not sent has no number";
  EXPECT_EQ(pub.stats().loans, 0u);
  uint64_t taken = 0;
  while (sub.take()) ++taken;
  EXPECT_EQ(taken, sent);
  EXPECT_EQ(sub.lost(), 0u);
}

TEST_F(Blocking, nothing_is_lost_however_slow_the_subscriber_is) {
  auto node = this->node();
  auto pub = node.publisher("a", {.timeout = polybus::Timeout(-1)});
  auto sub = node.subscriber("a", {.queue = 4, .overflow = Overflow::block});
  std::thread publisher([&] {
    for (int i = 0; i < 2000; ++i) pub.publish_bytes(std::to_string(i));
  });
  for (int i = 0; i < 2000; ++i) {
    auto sample = sub.take(kPatience);
    ASSERT_TRUE(sample);
    ASSERT_EQ(text_of(sample.data()), std::to_string(i));
  }
  publisher.join();
  EXPECT_EQ(sub.lost(), 0u);
}

TEST_F(Blocking, draft_can_be_tried_again_after_a_timeout) {
  auto node = this->node();
  auto pub = node.publisher("a");
  auto sub = node.subscriber("a", {.queue = 1, .overflow = Overflow::block});
  auto draft = pub.loan(10);
  while (draft.try_publish(1)) draft = pub.loan(10);
  draft.data()[0] = std::byte{9};
  ASSERT_TRUE(draft) << "still ours after the error";
  while (sub.take()) {
  }
  draft.publish(1, 1s);
  EXPECT_EQ(sub.take(kPatience).data()[0], std::byte{9});
}

TEST_F(Blocking, closing_subscriber_frees_the_publisher_that_waits) {
  auto node = this->node(), other = this->node("other");
  auto pub = node.publisher("a", {.timeout = polybus::Timeout(-1)});
  auto sub = other.subscriber("a", {.queue = 1, .overflow = Overflow::block});
  std::atomic<int> sent = 0;
  std::thread publisher([&] {
    for (int i = 0; i < 50; ++i, ++sent) pub.publish_bytes("x");
  });
  ASSERT_TRUE(eventually([&] { return sent > 0; }));
  sub.close();
  publisher.join();
  EXPECT_EQ(sent, 50);
}

// Untyped topics, and the bounds of memory.
#include <cstring>

#include "test_bus.hpp"

using namespace testing_bus;
using polybus::Code;

class Bytes : public TestBus {};

TEST_F(Bytes, arrive_as_they_were_sent) {
  auto node = this->node();
  auto pub = node.publisher("raw");
  auto sub = node.subscriber("raw");
  EXPECT_EQ(pub.publish_bytes("one"), 1u);
  EXPECT_EQ(pub.publish_bytes(bytes_of("two")), 2u);
  auto first = sub.take(kPatience), second = sub.take(kPatience);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(text_of(first.data()), "one");
  EXPECT_EQ(text_of(second.data()), "two");
  EXPECT_FALSE(first->info().typed);
  EXPECT_FALSE(sub.schema());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first.data().data()) % 8, 0u);
}

TEST_F(Bytes, of_an_empty_message_are_a_message) {
  auto node = this->node();
  auto pub = node.publisher("raw");
  auto sub = node.subscriber("raw");
  pub.publish_bytes(std::span<const std::byte>());
  auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample.data().size(), 0u);
}

TEST_F(Bytes, have_no_fields) {
  auto node = this->node();
  auto pub = node.publisher("raw");
  auto sub = node.subscriber("raw");
  pub.publish_bytes("x");
  auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  std::string message;
  EXPECT_EQ(code_of([&] { sample->msg(); }, &message), Code::invalid_argument);
  EXPECT_NE(message.find("raw"), std::string::npos) << message;
}

TEST_F(Bytes, are_filled_in_place_through_a_draft) {
  auto node = this->node();
  auto pub = node.publisher("raw");
  auto sub = node.subscriber("raw");
  auto draft = pub.loan(1 << 20);
  ASSERT_GE(draft.data().size(), size_t{1} << 20);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(draft.data().data()) % 64, 0u);
  std::memset(draft.data().data(), 7, 1000);
  EXPECT_EQ(code_of([&] { draft.publish(draft.data().size() + 1); }), Code::invalid_argument);
  draft.publish(1000);
  auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample.data().size(), 1000u);
  EXPECT_EQ(sample.data()[999], std::byte{7});
}

TEST_F(Bytes, larger_than_the_quota_are_refused_and_the_next_go_through) {
  auto node = this->node();
  auto pub = node.publisher("raw", {.quota = 4 << 20});
  auto sub = node.subscriber("raw");
  std::string message;
  std::vector<std::byte> large(5 << 20);
  EXPECT_EQ(code_of([&] { pub.publish_bytes(large); }, &message), Code::too_large);
  EXPECT_NE(message.find("raw"), std::string::npos) << message;
  EXPECT_EQ(code_of([&] { (void)pub.loan(5 << 20); }), Code::too_large);
  EXPECT_EQ(pub.try_publish_bytes(large).error().code(), Code::too_large);
  EXPECT_EQ(pub.publish_bytes("fits"), 1u);
  EXPECT_EQ(text_of(sub.take(kPatience).data()), "fits");
}

TEST_F(Bytes, used_up_memory_names_who_holds_it) {
  auto node = this->node();
  auto pub = node.publisher("raw", {.quota = 8 << 20});
  auto sub = node.subscriber("raw", {.queue = 64});
  std::vector<polybus::Taken<polybus::Dynamic>> held;
  std::vector<std::byte> megabyte(1 << 20);
  std::string message;
  Code code = Code::ok;
  for (int i = 0; i < 32 && code == Code::ok; ++i) {
    code = code_of([&] { pub.publish_bytes(megabyte); }, &message);
    if (code == Code::ok) held.push_back(sub.take(kPatience));
  }
  EXPECT_EQ(code, Code::no_memory);
  EXPECT_NE(message.find("raw"), std::string::npos) << message;
  ASSERT_GE(held.size(), 2u);
  held.clear();
  EXPECT_EQ(code_of([&] { pub.publish_bytes(megabyte); }), Code::ok);
}

TEST_F(Bytes, of_64_drafts_are_all_there_is) {
  auto node = this->node();
  auto pub = node.publisher("raw");
  std::vector<polybus::Draft<polybus::Bytes>> drafts;
  for (int i = 0; i < 64; ++i) drafts.push_back(pub.loan(100));
  EXPECT_EQ(pub.stats().loans, 64u);
  std::string message;
  EXPECT_EQ(code_of([&] { (void)pub.loan(100); }, &message), Code::too_many_loans);
  EXPECT_NE(message.find("64"), std::string::npos) << message;
  drafts.pop_back();
  EXPECT_TRUE(pub.try_loan(100));
}

TEST_F(Bytes, an_exclusive_publisher_is_alone_until_it_closes) {
  auto node = this->node("owner"), other = this->node("other");
  auto pub = node.publisher("raw", {.exclusive = true});
  std::string message;
  EXPECT_EQ(code_of([&] { other.publisher("raw"); }, &message), Code::exclusive);
  EXPECT_NE(message.find("owner"), std::string::npos) << message;
  pub.close();
  EXPECT_EQ(code_of([&] { other.publisher("raw"); }), Code::ok);
}

TEST_F(Bytes, an_exclusive_publisher_does_not_come_second) {
  auto node = this->node("first");
  auto pub = node.publisher("raw");
  EXPECT_EQ(code_of([&] { node.publisher("raw", {.exclusive = true}); }), Code::exclusive);
}

TEST_F(Bytes, publisher_sees_its_subscribers_come) {
  auto node = this->node();
  auto pub = node.publisher("raw");
  EXPECT_FALSE(pub.wait_for_subscribers(1, 10ms));
  auto sub = node.subscriber("raw");
  EXPECT_TRUE(pub.wait_for_subscribers(1, kPatience));
  EXPECT_EQ(pub.stats().subscribers, 1u);
  EXPECT_FALSE(pub.wait_for_subscribers(2, 0ms));
}

TEST_F(Bytes, statistics_count_them) {
  auto node = this->node();
  auto pub = node.publisher("raw", {.quota = 2 << 20});
  auto sub = node.subscriber("raw", {.queue = 4});
  for (int i = 0; i < 10; ++i) pub.publish_bytes("12345");
  EXPECT_EQ(pub.stats().sequence, 10u);
  EXPECT_EQ(pub.stats().bytes, 50u);
  EXPECT_GT(pub.stats().memory_bytes, 0u);
  EXPECT_EQ(pub.stats().quota_bytes, uint64_t{2} << 20);
  auto sample = sub.take(kPatience);
  EXPECT_EQ(sub.stats().taken, 1u);
  EXPECT_EQ(sub.stats().held, 1u);
  EXPECT_EQ(sub.stats().publishers, 1u);
}

// Regions: one current value.
#include <atomic>
#include <thread>

#include "test_bus.hpp"
#include "tests/integration/words.capnp.h"

using namespace testing_bus;
using polybus::Code;

class Regions : public TestBus {};

TEST_F(Regions, are_written_and_read) {
  auto node = this->node();
  auto region = node.region("settings", {.size = 4096});
  EXPECT_EQ(region.name(), "settings");
  EXPECT_EQ(region.size_max(), 4096u);
  EXPECT_FALSE(region.read());
  region.write("one");
  EXPECT_EQ(text_of(region.read().data()), "one");
  region.write(bytes_of("two"));
  EXPECT_EQ(text_of(region.read()->data()), "two");
  EXPECT_EQ(text_of(region.read().data()), "two");
}

TEST_F(Regions, value_outlives_its_writer) {
  ASSERT_EQ(in_child([&] {
              auto node = this->node("writer");
              node.region("settings", {.size = 100}).write("written by somebody who left");
              return 0;
            }),
            0);
  auto node = this->node();
  auto region = node.region("settings");
  auto value = region.read();
  ASSERT_TRUE(value);
  EXPECT_EQ(text_of(value.data()), "written by somebody who left");
}

TEST_F(Regions, newest_of_two_writers_wins) {
  auto node = this->node(), other = this->node("other");
  auto one = node.region("settings"), two = other.region("settings");
  one.write("first");
  two.write("second");
  EXPECT_EQ(text_of(one.read().data()), "second");
  EXPECT_EQ(text_of(two.read().data()), "second");
  auto late = node.region("settings");
  EXPECT_EQ(text_of(late.read().data()), "second");
}

TEST_F(Regions, refuse_what_is_too_large_and_keep_the_value) {
  auto node = this->node();
  auto region = node.region("settings", {.size = 10});
  region.write("0123456789");
  std::string message;
  EXPECT_EQ(code_of([&] { region.write("0123456789x"); }, &message), Code::too_large);
  EXPECT_NE(message.find("settings"), std::string::npos) << message;
  EXPECT_EQ(region.try_write(bytes_of("0123456789x")).error().code(), Code::too_large);
  EXPECT_EQ(text_of(region.read().data()), "0123456789");
}

TEST_F(Regions, hold_a_value_that_was_read) {
  auto node = this->node();
  auto region = node.region("settings", {.size = 1 << 20});
  region.write("before");
  auto held = region.read();
  for (int i = 0; i < 200; ++i) region.write("after " + std::to_string(i));
  EXPECT_EQ(text_of(held.data()), "before");
  EXPECT_EQ(text_of(region.read().data()), "after 199");
}

TEST_F(Regions, readers_never_see_half_a_value) {
  auto node = this->node();
  constexpr size_t kSize = 64 << 10;
  auto writer = node.region("settings", {.size = kSize});
  writer.write(std::string(kSize, 'a'));
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      auto region = node.region("settings", {.size = kSize});
      while (!stop) {
        const auto value = region.read();
        const auto bytes = value.data();
        ASSERT_EQ(bytes.size(), kSize);
        for (const std::byte byte : bytes) ASSERT_EQ(byte, bytes[0]);
      }
    });
  }
  for (int i = 0; i < 500; ++i) writer.write(std::string(kSize, static_cast<char>('a' + i % 26)));
  stop = true;
  for (auto& reader : readers) reader.join();
}

TEST_F(Regions, name_of_a_typed_topic_cannot_be_written) {
  auto node = this->node();
  auto pub = node.publisher<words::Reading>("taken");
  EXPECT_EQ(code_of([&] { node.region("taken").write("x"); }), Code::schema_mismatch);
}

TEST_F(Regions, say_when_they_are_closed) {
  auto node = this->node();
  auto region = node.region("settings");
  region.write("x");
  auto value = region.read();
  region.close();
  region.close();
  EXPECT_EQ(code_of([&] { region.write("y"); }), Code::closed);
  EXPECT_EQ(code_of([&] { region.read(); }), Code::closed);
  EXPECT_EQ(text_of(value.data()), "x");
}

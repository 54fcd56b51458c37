// A topic whose messages outgrow its memory, while others publish and subscribe.
#include <atomic>
#include <thread>

#include "test_bus.hpp"

using namespace testing_bus;

namespace {

class Growth : public TestBus {};

bool is_whole(std::span<const std::byte> bytes) {
  for (std::byte byte : bytes)
    if (byte != static_cast<std::byte>(bytes.size() % 251)) return false;
  return true;
}

}  // namespace

TEST_F(Growth, of_one_publisher_goes_on_while_others_publish_and_subscribe) {
  constexpr size_t kLargest = 8 << 20;
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> small{0};
  std::thread neighbour([&] {
    auto node = this->node("neighbour");
    auto pub = node.publisher("grows");
    auto sub = node.subscriber("grows");
    while (!stop) {
      pub.publish_bytes(bytes_of("x"));
      while (sub.take()) ++small;
      std::this_thread::sleep_for(1ms);  // leaves the queues of others some room
    }
  });
  auto node = this->node("grower");
  auto pub = node.publisher("grows");
  for (size_t size = 100; size <= kLargest; size *= 3) {
    auto late = node.subscriber("grows", {.queue = 1024});  // maps what there is, and sees what comes after
    const std::vector<std::byte> message(size, static_cast<std::byte>(size % 251));
    const uint64_t seen = small;
    pub.publish_bytes(message);
    for (bool arrived = false; !arrived;) {
      const auto sample = late.take(kPatience);
      ASSERT_TRUE(sample) << size;
      arrived = sample->data().size() == size;
      if (arrived) {
        EXPECT_TRUE(is_whole(sample->data())) << size;
      }
    }
    EXPECT_TRUE(eventually([&] { return small > seen; })) << "the neighbour stands still";
  }
  EXPECT_GT(pub.stats().memory_bytes, kLargest / 3);
  stop = true;
  neighbour.join();
}

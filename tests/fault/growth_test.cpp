// Processes that outgrow their memory while others publish and subscribe.
#include "tests/fault/world.hpp"

namespace polybus::fault {
namespace {

constexpr uint64_t kLargestBytes = 16 << 20;

// "number size ", and bytes that follow from both.
std::string message_of(unsigned number, uint64_t bytes) {
  std::string text = std::to_string(number) + " " + std::to_string(bytes) + " ";
  const size_t head = text.size();
  text.resize(std::max<size_t>(bytes, head));
  for (size_t i = head; i < text.size(); ++i) text[i] = static_cast<char>('a' + (number + i / 64) % 26);
  return text;
}

class Growths : public World {
 protected:
  void SetUp() override { open_world(); }

  // Blocks, so that nothing is dropped however slow this machine is.
  static std::shared_ptr<SubscriberEnd> patient_subscriber(const Member& member) {
    return member.session->subscribe(
        member.node,
        {.topic = "grows", .schema = {}, .queue_depth = 16, .history = {}, .blocking = true, .wants_fd = false});
  }

  // Each larger message when the one before has arrived, and a small one behind it.
  int grow() const {
    const auto member = join("grower");
    const auto pub = member.publisher("grows");
    const auto arrivals = member.subscriber("arrived");
    if (!pub->port().wait_for_subscribers(1, 20s)) return 1;
    unsigned number = 0;
    uint64_t first_bytes = 0;
    for (uint64_t bytes = 100; bytes <= kLargestBytes; bytes = bytes * 5 / 2) {
      send(*pub, message_of(number, bytes));
      if (receive(*arrivals) != std::to_string(number++)) return 2;
      if (first_bytes == 0) first_bytes = pub->port().memory_bytes();
    }
    send(*pub, "end");
    return pub->port().memory_bytes() > 100 * first_bytes ? 0 : 3;
  }
  int publish_small_ones() const {
    const auto member = join("small");
    const auto pub = member.publisher("grows");
    for (unsigned number = 0;; ++number) {
      send(*pub, "small " + std::to_string(number));
      std::this_thread::sleep_for(100us);  // a pace, so that there are not millions of them; nothing waits for it
    }
  }
  // 0: everything of both has come, whole and in order.
  int hear_both(const Signal& ready) const {
    const auto member = join("hears both");
    const auto sub = patient_subscriber(member);
    const auto arrived = member.publisher("arrived");
    ready.give();
    unsigned small = 0, grown = 0, told = 0;
    uint64_t bytes = 100;
    for (;;) {
      const std::string text = receive(*sub);
      if (text == "end") break;
      if (text == "small " + std::to_string(small)) {
        ++small;
        if (told < grown) send(*arrived, std::to_string(told++));  // the small ones go on after it
      } else if (text == message_of(grown, bytes)) {
        ++grown;
        bytes = bytes * 5 / 2;
      } else {
        std::fprintf(stderr, "after %u small and %u growing ones came %.40s\n", small, grown, text.c_str());
        return 1;
      }
    }
    std::printf("%u messages up to %lu bytes among %u small ones\n", grown, bytes * 2 / 5, small);
    std::fflush(stdout);
    return bytes > kLargestBytes && small >= grown && sub->port().lost() == 0 ? 0 : 2;
  }
};

TEST_F(Growths, of_one_process_go_on_while_another_publishes_and_a_third_receives_all_of_both_in_order) {
  Signal ready;
  Child third([&] { return hear_both(ready); });
  ready.await();
  Child small([&] { return publish_small_ones(); });
  Child grower([&] { return grow(); });
  EXPECT_EQ(third.wait(), 0);
  EXPECT_EQ(grower.wait(), 0);
  small.end(SIGKILL);
  expect_service();
}

}  // namespace
}  // namespace polybus::fault

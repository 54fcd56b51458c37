// Kills by the number, at random moments: nothing accumulates. POLYBUS_KILLS says how many of each (100).
#include <cstdlib>
#include <random>

#include "tests/fault/world.hpp"

namespace polybus::fault {
namespace {

int kills() {
  const char* text = std::getenv("POLYBUS_KILLS");
  return text == nullptr ? 100 : std::atoi(text);
}

class Kills : public World {
 protected:
  Kills() {
    ::alarm(static_cast<unsigned>(100 + kills() / 5));
    open_world();
    flooded_ = witness.subscriber("flood");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(run_and_kill(publish_for_ever()), SIGKILL);
    settle();
    fds_ = busd_fds();
    book_ = book_bytes();
    chunks_ = publisher->port().chunks_in_use();
    memory_ = publisher->port().memory_bytes();
  }

  std::function<int()> publish_for_ever() {
    return [this]() -> int {
      const auto member = join("victim");
      const auto pub = member.publisher("flood", 2);
      for (;;) send(*pub, "noise");
    };
  }
  std::function<int()> take_for_ever() {
    return [this]() -> int {
      const auto member = join("victim");
      const auto sub = member.subscriber("shared", 64);
      std::vector<bus::Sample> held;
      for (;;) {
        auto sample = sub->port().take();
        if (sample != nullptr && held.size() < 30) held.push_back(std::move(sample));
      }
    };
  }
  // Before, while and after it has joined. Returns the signal.
  int run_and_kill(const std::function<int()>& body) {
    Child victim(body);
    ::usleep(static_cast<useconds_t>(random_() % 12'000));
    return victim.end(SIGKILL) - 128;
  }
  void settle() {
    ASSERT_TRUE(eventually([&] { return witness.session->graph().nodes.size() == 2; }));
    ASSERT_TRUE(eventually([&] { return publisher->port().subscribers() == 2; }));
    // The values that victims kept give way to these.
    const auto last = witness.publisher("flood", 2);
    for (int i = 0; i < 2; ++i) send(*last, "last");
    while (flooded_->port().take() != nullptr) {
    }
    for (int i = 0; i < 3; ++i) expect_traffic();
    take_what_is_left();
  }
  void expect_nothing_accumulated() {
    settle();
    EXPECT_TRUE(eventually([&] { return busd_fds() <= fds_; })) << busd_fds() << " descriptors, before " << fds_;
    EXPECT_TRUE(eventually([&] { return book_bytes() <= book_ + kBookSlackBytes; }))
        << book_bytes() << " bytes, before " << book_;
    EXPECT_TRUE(eventually([&] {
      expect_traffic();
      return publisher->port().chunks_in_use() <= chunks_ + 4;
    })) << publisher->port().chunks_in_use()
        << " chunks, before " << chunks_;
    EXPECT_LE(publisher->port().memory_bytes(), memory_ + (1 << 19));
    std::printf("%d kills; descriptors %ld, then %ld; book %lu, then %lu bytes; chunks %lu, then %lu\n", kills(), fds_,
                busd_fds(), book_, book_bytes(), chunks_, publisher->port().chunks_in_use());
  }

  std::mt19937 random_{std::random_device{}()};
  std::shared_ptr<SubscriberEnd> flooded_;
  long fds_ = 0;
  uint64_t book_ = 0, chunks_ = 0, memory_ = 0;
};

TEST_F(Kills, of_publishers_flat_out_leave_nothing_behind) {
  for (int i = 0; i < kills(); ++i) {
    EXPECT_EQ(run_and_kill(publish_for_ever()), SIGKILL);
    expect_traffic();
    while (flooded_->port().take() != nullptr) {
    }
  }
  expect_nothing_accumulated();
}

TEST_F(Kills, of_subscribers_holding_samples_leave_nothing_behind_and_cost_the_publisher_no_chunk) {
  for (int i = 0; i < kills(); ++i) {
    EXPECT_EQ(run_and_kill(take_for_ever()), SIGKILL);
    for (int more = 0; more < 20; ++more) send(*publisher, "noise");
    expect_traffic();
  }
  expect_nothing_accumulated();
}

}  // namespace
}  // namespace polybus::fault

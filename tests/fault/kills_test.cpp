// Kills by the number, at random moments: nothing accumulates. POLYBUS_KILLS says how many of each (100); ten thousand of each:
//   POLYBUS_KILLS=10000 build/bin/tests/fault_tests --gtest_filter='Kills.*'
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <deque>
#include <new>
#include <random>

#include "tests/fault/world.hpp"

namespace polybus::fault {
namespace {

int kills() {
  const char* text = std::getenv("POLYBUS_KILLS");
  return text == nullptr ? 100 : std::atoi(text);
}

// How far a victim has come, in memory that it shares with its killer.
class Progress {
 public:
  enum Step : int { begun, joined, at_work };

  Progress()
      : step_(::new (::mmap(nullptr, sizeof *step_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
                  std::atomic<int>(begun)) {}
  ~Progress() { ::munmap(step_, sizeof *step_); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void reach(Step step) const { step_->store(step); }
  int reached() const { return step_->load(); }

 private:
  std::atomic<int>* step_;
};

class Kills : public World {
 protected:
  Kills() {
    ::alarm(static_cast<unsigned>(100 + kills() / 5));
    open_world();
    flooded_ = witness.subscriber("flood");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(run_and_kill(publish_for_ever(), [] {}), SIGKILL);
    settle();
    joined_ = at_work_ = 0;
    fds_ = busd_fds();
    book_ = book_bytes();
    chunks_ = publisher->port().chunks_in_use();
    memory_ = publisher->port().memory_bytes();
  }

  std::function<int()> publish_for_ever() {
    return [this]() -> int {
      const auto member = join("victim");
      progress_.reach(Progress::joined);
      const auto pub = member.publisher("flood", 2);
      for (;;) {
        send(*pub, "noise");
        progress_.reach(Progress::at_work);
      }
    };
  }
  // Takes and gives back, with up to 30 samples in its hands.
  std::function<int()> take_for_ever() {
    return [this]() -> int {
      const auto member = join("victim");
      progress_.reach(Progress::joined);
      const auto sub = member.subscriber("shared", 64);
      std::deque<bus::Sample> held;
      for (;;) {
        auto sample = sub->port().take();
        if (sample == nullptr) continue;
        held.push_back(std::move(sample));
        if (held.size() > 30) held.pop_front();
        progress_.reach(Progress::at_work);
      }
    };
  }
  // One in four before, while or after it joins, the others while they are at work. Returns the signal.
  int run_and_kill(const std::function<int()>& body, const std::function<void()>& meanwhile) {
    const bool waits_for_work = random_() % 4 != 0;
    const auto mercy = std::chrono::microseconds(random_() % 3'000);
    progress_.reach(Progress::begun);
    Child victim(body);
    if (waits_for_work) {
      const bool is_there = eventually([&] {
        meanwhile();
        return progress_.reached() == Progress::at_work;
      });
      EXPECT_TRUE(is_there) << "came no further than " << progress_.reached();
    }
    for (const auto end = Clock::now() + mercy; Clock::now() < end; ::usleep(50)) meanwhile();
    const int signal = victim.end(SIGKILL) - 128;
    joined_ += progress_.reached() >= Progress::joined ? 1 : 0;
    at_work_ += progress_.reached() == Progress::at_work ? 1 : 0;
    return signal;
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
    EXPECT_GT(at_work_, kills() / 2) << "of " << joined_ << " that joined";
    EXPECT_TRUE(eventually([&] { return busd_fds() <= fds_; })) << busd_fds() << " descriptors, before " << fds_;
    EXPECT_TRUE(eventually([&] { return book_bytes() <= book_ + kBookSlackBytes; }))
        << book_bytes() << " bytes, before " << book_;
    EXPECT_TRUE(eventually([&] {
      expect_traffic();
      return publisher->port().chunks_in_use() <= chunks_ + 4;
    })) << publisher->port().chunks_in_use()
        << " chunks, before " << chunks_;
    EXPECT_LE(publisher->port().memory_bytes(), memory_ + (1 << 19));
    std::printf(
        "%d kills; %d of them joined, %d at work; descriptors %ld, then %ld; book %lu, then %lu bytes; chunks %lu, "
        "then %lu\n",
        kills(), joined_, at_work_, fds_, busd_fds(), book_, book_bytes(), chunks_, publisher->port().chunks_in_use());
  }

  const Progress progress_;
  int joined_ = 0, at_work_ = 0;
  std::mt19937 random_{std::random_device{}()};
  std::shared_ptr<SubscriberEnd> flooded_;
  long fds_ = 0;
  uint64_t book_ = 0, chunks_ = 0, memory_ = 0;
};

TEST_F(Kills, of_publishers_flat_out_leave_nothing_behind) {
  for (int i = 0; i < kills(); ++i) {
    EXPECT_EQ(run_and_kill(publish_for_ever(), [] {}), SIGKILL);
    expect_traffic();
    while (flooded_->port().take() != nullptr) {
    }
  }
  expect_nothing_accumulated();
}

TEST_F(Kills, of_subscribers_holding_samples_leave_nothing_behind_and_cost_the_publisher_no_chunk) {
  for (int i = 0; i < kills(); ++i) {
    EXPECT_EQ(run_and_kill(take_for_ever(), [&] { send(*publisher, "noise"); }), SIGKILL);
    take_what_is_left();  // so much noise would crowd the answer of the peer out of the queue
    expect_traffic();
  }
  expect_nothing_accumulated();
}

}  // namespace
}  // namespace polybus::fault

// How fast the machine is just now, for others than the bus: two processes that pass a word to and fro beside a test.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "tests/unit/discovery/busd_process.hpp"

namespace polybus::fault {

// One word every kTick, and its answer. On a machine that has no time for the test's processes these two get none either, so
// that a number of ticks is a bound that says something of the bus alone: a second of them is at least a second of the clock.
class Pace {
 public:
  static constexpr std::chrono::milliseconds kTick{10};
  static constexpr uint64_t kTicksPerSecond = 100;

  Pace() : echo_([this] { return answer_for_ever(); }), thread_([this] { pass_words(); }) { ::close(pair_.ends[1]); }
  ~Pace() {
    ends_ = true;
    thread_.join();
    ::close(pair_.ends[0]);
  }
  Pace(const Pace&) = delete;
  Pace& operator=(const Pace&) = delete;

  uint64_t ticks() const noexcept { return ticks_; }

 private:
  struct Pair {
    Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0); }
    int ends[2];
  };

  int answer_for_ever() const {
    ::alarm(0);
    ::close(pair_.ends[0]);
    for (char word = 0; ::read(pair_.ends[1], &word, 1) == 1;)
      if (::write(pair_.ends[1], &word, 1) != 1) break;
    return 0;
  }
  void pass_words() {
    for (char word = 'x'; !ends_; ++ticks_) {
      std::this_thread::sleep_for(kTick);
      if (::write(pair_.ends[0], &word, 1) != 1 || ::read(pair_.ends[0], &word, 1) != 1) return;
    }
  }

  const Pair pair_;
  std::atomic<uint64_t> ticks_{0};
  std::atomic<bool> ends_{false};
  discovery::testing_support::Child echo_;
  std::thread thread_;
};

}  // namespace polybus::fault

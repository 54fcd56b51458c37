#include "adapters/cpp/src/dispatcher.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>

using polybus::detail::Dispatcher;
using namespace std::chrono_literals;

namespace {

class Bell {
 public:
  ~Bell() { ::close(fd_); }
  int fd() const { return fd_; }
  void ring() const { EXPECT_EQ(::eventfd_write(fd_, 1), 0); }
  void quiet() const {
    eventfd_t value;
    ::eventfd_read(fd_, &value);
  }

 private:
  int fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

}  // namespace

TEST(Dispatcher, calls_when_the_descriptor_is_readable) {
  Bell bell;
  Dispatcher dispatcher("node");
  std::promise<void> called;
  dispatcher.add(bell.fd(), "bell", [&] {
    bell.quiet();
    called.set_value();
  });
  bell.ring();
  EXPECT_EQ(called.get_future().wait_for(30s), std::future_status::ready);
}

TEST(Dispatcher, calls_again_after_an_exception) {
  Bell bell;
  Dispatcher dispatcher("node");
  std::promise<void> called;
  std::atomic<int> calls = 0;
  dispatcher.add(bell.fd(), "bell", [&] {
    if (++calls < 3) throw std::runtime_error("not yet");
    bell.quiet();
    called.set_value();
  });
  bell.ring();
  EXPECT_EQ(called.get_future().wait_for(30s), std::future_status::ready);
}

TEST(Dispatcher, waits_for_the_running_call_when_removing) {
  Bell bell;
  Dispatcher dispatcher("node");
  std::promise<void> entered, go_on;
  std::atomic<bool> done = false;
  auto may_go_on = go_on.get_future().share();
  const uint64_t id = dispatcher.add(bell.fd(), "bell", [&] {
    bell.quiet();
    entered.set_value();
    may_go_on.wait();
    done = true;
  });
  bell.ring();
  entered.get_future().wait();
  auto removed = std::async(std::launch::async, [&] { dispatcher.remove(id); });
  go_on.set_value();
  removed.wait();
  EXPECT_TRUE(done);
  dispatcher.remove(id);
}

TEST(Dispatcher, can_be_stopped_and_destroyed_from_its_own_call) {
  Bell bell;
  auto dispatcher = std::make_optional<Dispatcher>("node");
  std::promise<void> called;
  dispatcher->add(bell.fd(), "bell", [&] {
    bell.quiet();
    dispatcher.reset();
    called.set_value();
  });
  bell.ring();
  EXPECT_EQ(called.get_future().wait_for(30s), std::future_status::ready);
}

TEST(Dispatcher, takes_nothing_more_after_stop) {
  Bell bell;
  Dispatcher dispatcher("node");
  dispatcher.stop();
  dispatcher.stop();
  try {
    dispatcher.add(bell.fd(), "bell", [] {});
    FAIL();
  } catch (const polybus::Error& error) {
    EXPECT_EQ(error.code(), polybus::Code::closed);
  }
}

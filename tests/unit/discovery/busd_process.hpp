// A busd of a test's own, and processes that the test can kill.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "discovery/client/session.hpp"
#include "discovery/protocol/bus_files.hpp"
#include "discovery/protocol/lock_file.hpp"
#include "discovery/protocol/unix_socket.hpp"
#include "tests/unit/discovery/folder.hpp"

namespace polybus::discovery::testing_support {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kPatience = 20s;

// Waits for a condition that another process brings about.
inline bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience = kPatience) {
  for (const auto end = Clock::now() + patience; Clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return condition();
}

// Runs `body` in a child. Nothing of the parent's is destroyed in it; 0 is well. It ends with its parent.
class Child {
 public:
  explicit Child(const std::function<int()>& body) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ != 0) return;
    lifetime::end_with(parent, SIGKILL);
    int code = 99;
    try {
      code = body();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "child: %s\n", e.what());
    }
    ::_exit(code);
  }
  ~Child() {
    if (pid_ > 0) end(SIGKILL);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }
  int wait() {
    int status = -1;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int end(int number) {
    signal(number);
    return wait();
  }

 private:
  pid_t pid_;
};

// One word from one process to another.
class Signal {
 public:
  Signal() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Signal() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void give() const { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }
  void await() const {
    char byte;
    EXPECT_EQ(::read(ends_[0], &byte, 1), 1);
  }

 private:
  int ends_[2];
};

class BusdTest : public ::testing::Test {
 protected:
  explicit BusdTest(bool start = true) {
    ::alarm(100);  // ends the program, the name of the test was printed
    if (start) start_busd();
  }
  ~BusdTest() override {
    stop_busd();
    ::alarm(0);
  }

  void start_busd(const std::vector<std::string>& more = {}) {
    busd_ = std::make_unique<Child>([&] {
      std::vector<const char*> arguments = {"busd", "--bus", "test", "--socket", socket.c_str()};
      for (const std::string& argument : more) arguments.push_back(argument.c_str());
      arguments.push_back(nullptr);
      ::execv(POLYBUS_TEST_BUSD, const_cast<char**>(arguments.data()));
      return 127;
    });
    ASSERT_TRUE(eventually([&] {
      Fd probe;
      return connect_unix(socket, &probe) == Reached::yes;
    }));
  }
  void stop_busd() {
    if (busd_ == nullptr) return;
    EXPECT_EQ(busd_->end(SIGTERM), 0) << "busd did not end well";
    busd_.reset();
  }
  void kill_busd() {
    busd_->end(SIGKILL);
    busd_.reset();
  }

  ConnectOptions options(bool autostart = false) const {
    ConnectOptions options;
    options.bus = "test";
    options.socket_path = socket;
    options.timeout = 10s;
    options.autostart = autostart;
    return options;
  }
  // A session with a node.
  struct Member {
    std::shared_ptr<Session> session;
    uint64_t node = 0;

    std::shared_ptr<PublisherEnd> publisher(const std::string& topic, uint32_t history = 0) const {
      return session->advertise(
          node, {.topic = topic, .schema = {}, .history = history, .exclusive = false, .quota_bytes = 0});
    }
    std::shared_ptr<SubscriberEnd> subscriber(const std::string& topic, uint32_t queue = 16) const {
      return session->subscribe(
          node,
          {.topic = topic, .schema = {}, .queue_depth = queue, .history = {}, .blocking = false, .wants_fd = false});
    }
  };
  Member join(const std::string& name = "node", bool autostart = false) const {
    Member member{Session::join(options(autostart)), 0};
    member.node = member.session->add_node(name, "c++");
    return member;
  }

  const Folder folder;
  const std::string socket = folder / "test.sock";
  std::unique_ptr<Child> busd_;
};

inline uint64_t send(PublisherEnd& end, const std::string& text) {
  bus::Loan loan = end.port().loan(text.size());
  std::copy(text.begin(), text.end(), reinterpret_cast<char*>(loan.data()));
  return end.port().send(loan, text.size(), std::chrono::milliseconds(-1));
}

inline std::string text_of(const bus::Sample& sample) {
  return sample == nullptr ? "(nothing)"
                           : std::string(reinterpret_cast<const char*>(sample->payload()), sample->payload_bytes());
}

inline std::string receive(SubscriberEnd& end, std::chrono::nanoseconds patience = kPatience) {
  const auto deadline = Clock::now() + patience;
  do {
    if (const auto sample = end.port().take()) return text_of(sample);
  } while (end.port().wait(deadline - Clock::now() > 0ns ? deadline - Clock::now() : 0ns) == bus::Waited::ready);
  return text_of(end.port().take());
}

}  // namespace polybus::discovery::testing_support

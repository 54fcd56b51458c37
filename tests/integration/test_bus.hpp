// A private bus per test: a busd of its own under a random name, ended by its process id.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <ostream>
#include <polybus/polybus.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polybus {
// How a failed comparison shows a code.
inline void PrintTo(Code code, std::ostream* out) { *out << code_name(code); }
}  // namespace polybus

namespace testing_bus {

using namespace std::chrono_literals;

// "t-4f1c9a…": nobody else's.
std::string random_bus_name();

// For waits that must end: long enough for the slowest machine, short enough to be told apart from for ever.
inline constexpr auto kPatience = 30s;

class TestBus : public ::testing::Test {
 protected:
  TestBus();  // starts busd and waits until it answers
  ~TestBus() override;

  const std::string& bus() const { return bus_; }
  pid_t busd() const { return busd_; }
  polybus::Node node(const std::string& name = "tester") const { return polybus::Node(name, options()); }
  polybus::NodeOptions options() const { return {.bus = bus_, .autostart = false}; }

 private:
  std::string bus_;
  pid_t busd_;
};

// A test that starts no busd, or lets the library start it.
class NoBus : public ::testing::Test {
 protected:
  NoBus();
  ~NoBus() override;

  std::string bus_ = random_bus_name();
  std::string folder_;  // empty, removed with the test
};

// Runs `body` in a forked child; its exit code, or 128 + the signal that ended it. An exception is 70, told on stderr.
int in_child(const std::function<int()>& body);
// The same in two halves, for children that live for a while.
pid_t start_child(const std::function<int()>& body);
int end_of(pid_t child);

// A pair of pipes for two processes to say "now" to each other.
class Signal {
 public:
  Signal();
  ~Signal();
  void give() const;
  void await() const;

 private:
  int ends_[2];
};

// The code of the polybus::Error that `body` throws; Code::ok if it throws none. `message` gets its text.
polybus::Code code_of(const std::function<void()>& body, std::string* message = nullptr);

std::vector<std::byte> bytes_of(std::string_view text);
std::string text_of(std::span<const std::byte> bytes);

// Waits for a condition that nothing announces, such as a counter in the graph.
bool eventually(const std::function<bool()>& condition);

}  // namespace testing_bus

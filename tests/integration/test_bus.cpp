#include "test_bus.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "tests/support/lifetime.hpp"

namespace testing_bus {
namespace {

constexpr unsigned kWatchdogSeconds =
    100;  // then SIGALRM ends the test program, with the name of the test printed before

pid_t start_busd(const std::string& bus) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    polybus::lifetime::end_with(parent, SIGTERM);
    ::alarm(0);
    ::execl(POLYBUS_TEST_BUSD, "busd", "--bus", bus.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  return pid;
}

// Nothing announces that a busd in the foreground is ready, so it is asked until it answers.
void await_bus(const std::string& bus) {
  const polybus::NodeOptions options{.bus = bus, .autostart = false};
  for (const auto end = std::chrono::steady_clock::now() + kPatience; std::chrono::steady_clock::now() < end;) {
    try {
      polybus::Node probe("probe", options);
      return;
    } catch (const polybus::Error& error) {
      if (error.code() != polybus::Code::no_bus) throw;
    }
    std::this_thread::sleep_for(2ms);
  }
  throw std::runtime_error("busd did not come up");
}

int code_of_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

std::string random_bus_name() {
  std::random_device random;
  char name[32];
  std::snprintf(name, sizeof name, "t-%08x%08x", random(), random());
  return name;
}

TestBus::TestBus() : bus_(random_bus_name()) {
  ::alarm(kWatchdogSeconds);
  busd_ = start_busd(bus_);
  await_bus(bus_);
}

TestBus::~TestBus() {
  ::kill(busd_, SIGTERM);
  EXPECT_EQ(end_of(busd_), 0) << "busd did not end well";
  ::alarm(0);
}

NoBus::NoBus() {
  ::alarm(kWatchdogSeconds);
  char path[] = "/tmp/polybus-test-XXXXXX";
  folder_ = ::mkdtemp(path);
  polybus::lifetime::note_folder('+', folder_);
}

NoBus::~NoBus() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
  polybus::lifetime::note_folder('-', folder_);
  ::alarm(0);
}

pid_t start_child(const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  polybus::lifetime::end_with(parent, SIGKILL);
  ::alarm(kWatchdogSeconds);
  int code = 70;
  try {
    code = body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "in the child: %s\n", error.what());
  }
  std::fflush(nullptr);
  ::_exit(code);
}

int end_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return code_of_status(status);
}

int in_child(const std::function<int()>& body) { return end_of(start_child(body)); }

Signal::Signal() {
  if (::pipe2(ends_, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
}
Signal::~Signal() {
  ::close(ends_[0]);
  ::close(ends_[1]);
}
void Signal::give() const {
  if (::write(ends_[1], "!", 1) != 1) throw std::runtime_error("write");
}
void Signal::await() const {
  char byte;
  while (::read(ends_[0], &byte, 1) < 0 && errno == EINTR) {
  }
}

polybus::Code code_of(const std::function<void()>& body, std::string* message) {
  try {
    body();
  } catch (const polybus::Error& error) {
    if (message != nullptr) *message = error.what();
    return error.code();
  }
  return polybus::Code::ok;
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool eventually(const std::function<bool()>& condition) {
  for (const auto end = std::chrono::steady_clock::now() + kPatience; std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(2ms);
  }
  return false;
}

}  // namespace testing_bus

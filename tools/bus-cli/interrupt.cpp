#include "tools/bus-cli/interrupt.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace polybus::cli {
namespace {

std::atomic<int> received{0};
std::atomic<bool> streaming{false};
std::atomic<int> event_fd{-1};

void on_signal(int signal) {
  if (!streaming.load() || received.exchange(signal) != 0) ::_exit(128 + signal);
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_fd.load(), &one, sizeof one);
}

}  // namespace

void install_signal_handlers() {
  event_fd.store(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

void stream_until_interrupted() { streaming.store(true); }
bool interrupted() noexcept { return received.load() != 0; }
int interrupt_fd() noexcept { return event_fd.load(); }

Exit interrupted_exit(bool had_results) noexcept {
  if (had_results) return Exit::done;
  return static_cast<Exit>(128 + received.load());
}

}  // namespace polybus::cli

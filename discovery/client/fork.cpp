#include "discovery/client/fork.hpp"

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "bus/memory/fork_guard.hpp"
#include "discovery/client/session.hpp"

namespace polybus::discovery {
namespace {

// As many as a process may have buses, and those it is leaving.
std::array<std::atomic<int>, 128> sockets;  // fd + 1, so that zero is none

void close_in_child() {
  for (auto& entry : sockets) {
    const int fd = entry.exchange(0) - 1;
    if (fd >= 0) ::close(fd);
  }
}

[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, close_in_child);

}  // namespace

void note_socket(int fd) noexcept {
  for (auto& entry : sockets) {
    int none = 0;
    if (entry.compare_exchange_strong(none, fd + 1)) return;
  }
}

void forget_socket(int fd) noexcept {
  for (auto& entry : sockets) {
    int there = fd + 1;
    if (entry.compare_exchange_strong(there, 0)) return;
  }
}

uint32_t fork_count() noexcept { return bus::fork_count(); }

}  // namespace polybus::discovery

#include "bus/memory/fork_guard.hpp"

#include <pthread.h>

#include <atomic>

namespace polybus::bus {
namespace {

std::atomic<uint32_t> forks{0};
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1); });

}  // namespace

uint32_t fork_count() noexcept { return forks.load(std::memory_order_relaxed); }

}  // namespace polybus::bus

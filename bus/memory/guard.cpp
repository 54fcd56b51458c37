#include "bus/memory/guard.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <array>
#include <atomic>
#include <mutex>

#include "bus/memory/window.hpp"

namespace polybus::bus {
namespace {

// Everything the signal handler touches is lock-free: ranges are written under a lock by others, read by it as atomics.
struct Range {
  std::atomic<uintptr_t> begin{0}, end{0};
};
constexpr uint64_t kWriteFault = 2;  // bit 1 of the x86 page-fault error code

std::atomic<bool> on{false};
std::array<Range, 64> ranges;
std::mutex ranges_mutex;
// Pages of ours that were written and are private now; a full table only means that further ones stay stale.
std::array<std::atomic<uintptr_t>, 4096> written;
std::atomic<uint32_t> written_count{0};
struct sigaction previous;

bool is_guarded(uintptr_t address) noexcept {
  for (const Range& range : ranges)
    if (address >= range.begin.load(std::memory_order_acquire) && address < range.end.load(std::memory_order_acquire))
      return true;
  return false;
}

void remember(uintptr_t page) noexcept {
  for (auto& entry : written) {
    uintptr_t expected = 0;
    if (entry.compare_exchange_strong(expected, page)) {
      written_count.fetch_add(1);
      return;
    }
  }
}

void pass_on(int signal, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    ::sigaction(signal, &previous, nullptr);  // the fault happens again, now with its default effect
  }
}

void on_fault(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  const auto error = static_cast<uint64_t>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_ERR]);
  if ((error & kWriteFault) != 0 && info->si_code == SEGV_ACCERR && is_guarded(address)) {
    const uintptr_t page = address & ~(kPageBytes - 1);
    if (::mprotect(reinterpret_cast<void*>(page), kPageBytes, PROT_READ | PROT_WRITE) == 0) {
      remember(page);
      return;
    }
  }
  pass_on(signal, info, context);
}

}  // namespace

void guard_reads() {
  if (on.exchange(true)) return;
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGSEGV, &action, &previous);
}

bool guard_is_on() noexcept { return on.load(std::memory_order_relaxed); }

void guard_add(std::byte* base, uint64_t bytes) {
  std::lock_guard lock(ranges_mutex);
  for (Range& range : ranges) {
    if (range.end.load() != 0) continue;
    range.begin.store(reinterpret_cast<uintptr_t>(base), std::memory_order_release);
    range.end.store(reinterpret_cast<uintptr_t>(base) + bytes, std::memory_order_release);
    return;
  }
}

void guard_remove(std::byte* base) noexcept {
  std::lock_guard lock(ranges_mutex);
  for (Range& range : ranges) {
    if (range.begin.load() != reinterpret_cast<uintptr_t>(base)) continue;
    range.end.store(0);
    range.begin.store(0);
  }
}

void guard_forget(const std::byte* address, uint64_t bytes) noexcept {
  if (written_count.load(std::memory_order_relaxed) == 0) return;
  const auto begin = reinterpret_cast<uintptr_t>(address) & ~(kPageBytes - 1);
  const auto end = reinterpret_cast<uintptr_t>(address) + bytes;
  for (auto& entry : written) {
    uintptr_t page = entry.load();
    if (page < begin || page >= end || !entry.compare_exchange_strong(page, 0)) continue;
    written_count.fetch_sub(1);
    ::mprotect(reinterpret_cast<void*>(page), kPageBytes, PROT_READ);
    ::madvise(reinterpret_cast<void*>(page), kPageBytes, MADV_DONTNEED);
  }
}

}  // namespace polybus::bus

#include "bus/memory/window.hpp"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <polybus/error.hpp>

#include "bus/memory/fork_guard.hpp"
#include "bus/memory/guard.hpp"
#include "bus/memory/size_text.hpp"

namespace polybus::bus {
namespace {

std::string gib(uint64_t bytes) { return std::to_string(bytes >> 30) + " GiB"; }

std::byte* reserve_range(uint64_t bytes) noexcept {
  void* range = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) return nullptr;
  ::madvise(range, bytes, MADV_DONTDUMP);
  return static_cast<std::byte*>(range);
}

// 0 if POLYBUS_WINDOW is not set.
uint64_t window_from_environment() {
  const char* text = std::getenv("POLYBUS_WINDOW");
  if (text == nullptr || *text == '\0') return 0;
  const auto bytes = size_from_text(text);
  if (!bytes || *bytes < kWindowBytesMin)
    throw Error(Code::invalid_argument, std::string("POLYBUS_WINDOW=") + text + ": expected a size of at least " +
                                            gib(kWindowBytesMin) + ", such as 64G");
  return *bytes;
}

// Why the system may refuse a mapping, with the remedy for each.
[[noreturn]] void throw_map_error(const char* what, uint64_t bytes) {
  const int error = errno;
  if (error == ENOMEM)
    throw Error(Code::limit, std::string(what) + " of " + std::to_string(bytes) +
                                 " bytes refused: out of address space or mappings; raise `ulimit -v` or sysctl "
                                 "vm.max_map_count, or set POLYBUS_WINDOW (e.g. 64G)");
  throw Error(Code::io, std::string(what) + ": " + std::strerror(error));
}

}  // namespace

std::shared_ptr<Window> Window::reserve(uint64_t bytes) {
  uint64_t size = bytes != 0 ? bytes : window_from_environment();
  const bool exact = size != 0;
  if (!exact) size = kWindowBytesDefault;
  for (;; size /= 2) {
    std::byte* base = reserve_range(size);
    std::byte* guard_base = base != nullptr && guard_is_on() ? reserve_range(size) : nullptr;
    if (base != nullptr && (guard_base != nullptr || !guard_is_on())) {
      if (guard_base != nullptr) guard_add(guard_base, size);
      return std::shared_ptr<Window>(new Window(base, guard_base, size));
    }
    if (base != nullptr) ::munmap(base, size);
    if (exact || size / 2 < kWindowBytesMin) {
      errno = ENOMEM;
      throw_map_error("reserving a window", size);
    }
  }
}

Window::~Window() {
  if (fork_.in_child()) return;  // views the child inherited stay readable
  if (guard_base_ != nullptr) {
    guard_remove(guard_base_);
    ::munmap(guard_base_, size_);
  }
  ::munmap(base_, size_);
}

void Window::map(int fd, uint64_t offset, uint64_t bytes, Access access) {
  if (offset > size_ || bytes > size_ - offset)
    throw Error(Code::limit, "the bus needs " + gib(offset + bytes) + " of address space, this process reserved " +
                                 gib(size_) + "; raise `ulimit -v` or POLYBUS_WINDOW");
  const int protection = access == Access::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
  if (::mmap(base_ + offset, bytes, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
    throw_map_error("mapping shared memory", bytes);
  ::madvise(base_ + offset, bytes, MADV_DONTDUMP);
  if (guard_base_ == nullptr || offset < kBookBytesMax) return;
  if (::mmap(guard_base_ + offset, bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, 0) == MAP_FAILED)
    throw_map_error("mapping shared memory", bytes);
  ::madvise(guard_base_ + offset, bytes, MADV_DONTDUMP);
}

void Window::unmap(uint64_t offset, uint64_t bytes) noexcept {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  for (std::byte* base : {base_, guard_base_}) {
    if (base == nullptr) continue;
    [[maybe_unused]] void* again = ::mmap(base + offset, bytes, PROT_NONE, kFlags, -1, 0);
    ::madvise(base + offset, bytes, MADV_DONTDUMP);
  }
}

Extent::Extent(std::shared_ptr<Window> window, uint64_t id, int fd, uint64_t offset, uint64_t bytes, Access access,
               std::function<void(uint64_t id)> on_unmapped)
    : window_(std::move(window)), id_(id), offset_(offset), bytes_(bytes), on_unmapped_(std::move(on_unmapped)) {
  static std::atomic<uint64_t> next{1};
  local_id_ = next.fetch_add(1);
  window_->map(fd, offset, bytes, access);
}

Extent::~Extent() {
  if (fork_.in_child()) return;
  window_->unmap(offset_, bytes_);
  if (on_unmapped_) on_unmapped_(id_);
}

}  // namespace polybus::bus

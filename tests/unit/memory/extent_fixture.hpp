// One publisher's memory, as it is laid out by busd, in this process.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "bus/memory/window.hpp"
#include "tests/unit/sanitized.hpp"

namespace polybus::bus::test {

using polybus::testing_support::kIsSanitized;

struct OneExtent {
  explicit OneExtent(uint64_t bytes, std::shared_ptr<Window> in = Window::reserve(32ull << 30))
      : window(std::move(in)), fd(::memfd_create("extent", MFD_CLOEXEC)) {
    extent = std::make_shared<Extent>(window, 1, fd, kBookBytesMax, bytes, Access::read_write, nullptr);
  }
  ~OneExtent() { ::close(fd); }
  OneExtent(const OneExtent&) = delete;
  OneExtent& operator=(const OneExtent&) = delete;

  struct stat status() const {
    struct stat status {};
    ::fstat(fd, &status);
    return status;
  }
  uint64_t file_bytes() const { return static_cast<uint64_t>(status().st_size); }
  uint64_t bytes_in_use() const { return static_cast<uint64_t>(status().st_blocks) * 512; }

  std::shared_ptr<Window> window;
  int fd;
  std::shared_ptr<Extent> extent;
};

}  // namespace polybus::bus::test

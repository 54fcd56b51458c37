// A file descriptor with an owner.
#pragma once

#include <unistd.h>

#include <memory>
#include <utility>

namespace polybus::discovery {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Fd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// What waits in several queues to be sent.
using SharedFd = std::shared_ptr<Fd>;

inline SharedFd share(Fd fd) { return std::make_shared<Fd>(std::move(fd)); }

}  // namespace polybus::discovery

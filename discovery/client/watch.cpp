#include "discovery/client/watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <polybus/error.hpp>

namespace polybus::discovery {
namespace {

constexpr size_t kEventsMax = 4096;

}  // namespace

LocalWatch::LocalWatch(std::shared_ptr<Session> session, std::shared_ptr<Core> core)
    : session_(std::move(session)), core_(std::move(core)), fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0)
    throw Error(Code::limit, "watching bus " + core_->bus() + ": out of file descriptors; raise `ulimit -n`");
}

LocalWatch::~LocalWatch() {
  if (core_->in_child()) return;  // the descriptor may be somebody else's by now
  LocalWatch::close();
  ::close(fd_);
}

void LocalWatch::add(const GraphEvent& event) {
  std::lock_guard lock(mutex_);
  if (closed_) return;
  if (events_.size() >= kEventsMax) {
    // The word that some were lost takes a place, too, and is there once.
    if (events_.front().event == "events_lost") events_.pop_front();
    while (events_.size() > kEventsMax - 2) events_.pop_front();
    events_.push_front({"events_lost", "", "", "", 0});
  }
  events_.push_back(event);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
}

// mutex_ is held. The descriptor stops being readable with the last event.
std::optional<GraphEvent> LocalWatch::pop() {
  if (closed_) throw Error(Code::closed, "the watch is closed");
  if (events_.empty()) return std::nullopt;
  GraphEvent event = std::move(events_.front());
  events_.pop_front();
  if (events_.empty()) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
  }
  return event;
}

std::optional<GraphEvent> LocalWatch::next(std::chrono::nanoseconds timeout, bool* interrupted) {
  core_->throw_if_forked();
  if (interrupted != nullptr) *interrupted = false;
  const bool for_ever = timeout < std::chrono::nanoseconds::zero();
  const auto begin = Core::Clock::now();
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (auto event = pop()) return event;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(timeout - (Core::Clock::now() - begin));
    if (!for_ever && left.count() <= 0) return std::nullopt;
    pollfd wait{fd_, POLLIN, 0};
    const int ready = ::poll(&wait, 1, for_ever ? -1 : static_cast<int>(std::min<int64_t>(left.count(), 3'600'000)));
    if (ready < 0 && errno == EINTR) {
      if (interrupted != nullptr) *interrupted = true;
      return std::nullopt;
    }
  }
}

void LocalWatch::close() {
  if (core_->in_child()) return;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    events_.clear();
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);  // whoever waits
  }
  core_->remove_watch(this);
}

}  // namespace polybus::discovery

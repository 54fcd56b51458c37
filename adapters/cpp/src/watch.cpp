// Watching the graph.
#include "adapters/cpp/src/deadline.hpp"
#include "adapters/cpp/src/watch_core.hpp"

namespace polybus {

namespace detail {

WatchCore::~WatchCore() {
  if (fork_.in_child()) {
    abandon(std::move(watch_));
  } else {
    close();
  }
}

std::optional<GraphEvent> WatchCore::next(Timeout timeout, bool* interrupted) {
  fork_.check();
  const Deadline deadline(timeout);
  for (;;) {
    bool signalled = false;
    if (auto event = watch_->next(deadline.left(), &signalled)) {
      return GraphEvent{std::move(event->event), std::move(event->topic), std::move(event->node),
                        std::move(event->type_name), event->pid};
    }
    if (!signalled) return std::nullopt;
    if (interrupted != nullptr) {
      *interrupted = true;
      return std::nullopt;
    }
  }
}

int WatchCore::fd() {
  fork_.check();
  return watch_->fd();
}

void WatchCore::close() noexcept {
  if (!fork_.in_child()) watch_->close();
}

}  // namespace detail

Watch::Watch(std::shared_ptr<detail::WatchCore> core) noexcept : core_(std::move(core)) {}
Watch::Watch(Watch&&) noexcept = default;

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
  }
  return *this;
}

Watch::~Watch() { close(); }

std::optional<GraphEvent> Watch::next(Timeout timeout) {
  const auto core = core_;  // who waits may find the watch destroyed by exit() on another thread
  return core->next(timeout);
}
int Watch::fd() const { return core_->fd(); }

void Watch::close() noexcept {
  if (core_) core_->close();
}

}  // namespace polybus

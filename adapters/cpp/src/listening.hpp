// One callback on a node's thread, and what closes with it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "adapters/cpp/src/dispatcher.hpp"

namespace polybus::detail {

class Listening {
 public:
  // `close_source`: closes the subscriber or watch the callback reads from. Called once, after the last call.
  Listening(std::shared_ptr<Dispatcher> dispatcher, uint64_t id, std::function<void()> close_source)
      : dispatcher_(std::move(dispatcher)), id_(id), close_source_(std::move(close_source)) {}

  void close() noexcept {
    dispatcher_->remove(id_);
    std::call_once(closed_, [this] { close_source_(); });
  }

 private:
  std::shared_ptr<Dispatcher> dispatcher_;
  uint64_t id_;
  std::once_flag closed_;
  std::function<void()> close_source_;
};

}  // namespace polybus::detail

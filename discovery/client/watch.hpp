// A stream of graph events. For discovery/client only.
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "discovery/client/core.hpp"
#include "discovery/client/session.hpp"

namespace polybus::discovery {

class LocalWatch : public Watch {
 public:
  LocalWatch(std::shared_ptr<Session> session, std::shared_ptr<Core> core);
  ~LocalWatch() override;

  std::optional<GraphEvent> next(std::chrono::nanoseconds timeout, bool* interrupted) override;
  int fd() override { return fd_; }
  void close() override;

  void add(const GraphEvent& event);

 private:
  std::optional<GraphEvent> pop();

  std::shared_ptr<Session> session_;
  std::shared_ptr<Core> core_;
  int fd_;  // eventfd: not zero while events wait, or after close
  std::mutex mutex_;
  std::deque<GraphEvent> events_;
  bool closed_ = false;
};

}  // namespace polybus::discovery

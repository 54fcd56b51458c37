// A stream of graph events, as the C++ and the C interface share it.
#pragma once

#include <memory>
#include <optional>
#include <polybus/graph.hpp>
#include <polybus/options.hpp>

#include "adapters/cpp/src/fork_check.hpp"
#include "discovery/client/session.hpp"

namespace polybus::detail {

class WatchCore {
 public:
  explicit WatchCore(std::shared_ptr<discovery::Watch> watch) : watch_(std::move(watch)) {}
  ~WatchCore();

  // Nothing after `timeout`. A signal ends the wait only where the caller asks to be told.
  std::optional<GraphEvent> next(Timeout timeout, bool* interrupted = nullptr);
  int fd();
  void close() noexcept;

 private:
  ForkCheck fork_;
  std::shared_ptr<discovery::Watch> watch_;
};

}  // namespace polybus::detail

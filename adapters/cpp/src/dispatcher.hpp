// The thread of a node on which its callbacks run: one epoll over the descriptors of all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "adapters/cpp/src/fork_check.hpp"

namespace polybus::detail {

// Thread-safe. Descriptors must stay open until remove() or stop() has returned.
class Dispatcher {
 public:
  // Called when the descriptor is readable, until it no longer is. What it throws is logged with `name`; it is called again
  // then after a short pause, because what it could not do would otherwise make the thread spin.
  using Handler = std::function<void()>;

  explicit Dispatcher(const std::string& node);
  ~Dispatcher();

  // Throws LIMIT where the system has no descriptor or thread left, CLOSED after stop().
  uint64_t add(int fd, std::string name, Handler handler);
  // Afterwards no call begins and none is running, except one that this is called from. Unknown ids are fine.
  void remove(uint64_t id) noexcept;
  // The same for all; ends the thread.
  void stop() noexcept;

 private:
  struct State;  // also the thread's, which may end a little after the Dispatcher when it is stopped from a callback

  ForkCheck fork_;
  std::shared_ptr<State> state_;
  std::unique_ptr<std::thread> thread_;
};

}  // namespace polybus::detail

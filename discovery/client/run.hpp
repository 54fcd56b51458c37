// A process's part in one run of busd: its socket, and what busd gave it to map.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "bus/memory/window.hpp"
#include "bus/transport/stat.hpp"
#include "discovery/client/extents.hpp"
#include "discovery/protocol/channel.hpp"
#include "discovery/protocol/messages.hpp"

namespace polybus::discovery {

class Run {
 public:
  static std::shared_ptr<Run> make(Channel channel, Joined joined, std::shared_ptr<bus::Window> window,
                                   std::shared_ptr<bus::StatFile> stat);
  ~Run() { end(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // From any thread, never blocks. What the socket does not take at once goes when it can: flush(). A run that is over
  // takes anything and does nothing.
  void send(const Request& request);
  // Whether something is left to send.
  bool flush();
  void end();  // closes the socket
  // A block of the bus's bookkeeping. Offsets come from busd; a wrong one would be our crash, so it is INTERNAL.
  template <typename Block>
  Block* block(uint64_t offset) const {
    return static_cast<Block*>(address_in_book(offset));
  }
  int fd() const noexcept { return channel_.fd(); }
  Channel& receiving() noexcept { return channel_; }  // the event thread's half

  const Joined joined;
  const std::shared_ptr<bus::Window> window;
  const std::shared_ptr<bus::StatFile> stat;
  std::shared_ptr<Extents> extents;
  std::function<void()> on_leftover;  // send() could not send all; set before others know the run

 private:
  Run(Channel channel, Joined joined, std::shared_ptr<bus::Window> window, std::shared_ptr<bus::StatFile> stat);

  void* address_in_book(uint64_t offset) const;

  std::mutex send_mutex_;
  bool over_ = false;
  Channel channel_;
};

}  // namespace polybus::discovery

// One socket to a process, as the server sees it.
#pragma once

#include <chrono>
#include <cstdint>

#include "discovery/protocol/channel.hpp"
#include "discovery/registry/records.hpp"

namespace polybus::registry {

// Notices wait here for as long as a process does not read: a stopped process is never cut off for it, unless it costs more
// memory than anybody should.
class Client : public Outbox {
 public:
  Client(uint64_t id, discovery::Fd socket, uint32_t pid);

  void send(discovery::Notice notice) override;
  // Sends what the socket takes. False: the process is gone, or so far behind that it is given up.
  bool flush();

  const uint64_t id;
  const uint32_t pid;
  const std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
  discovery::Channel channel;
  discovery::Fd pidfd;
  Session* session = nullptr;  // null: refused, to be told so
  bool wants_write = false;    // as epoll was told
  bool dirty = false;          // has something to flush

 private:
  bool graph_events_lost_ = false;
};

}  // namespace polybus::registry

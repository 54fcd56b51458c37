// busd's one loop: sockets, deaths and signals in, requests to the registry, notices out. One thread; nothing here waits for a
// process.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "discovery/registry/client.hpp"
#include "discovery/registry/registry.hpp"

namespace polybus::registry {

class Server {
 public:
  // Signals SIGINT and SIGTERM must be blocked; they end run().
  Server(Registry& registry, discovery::Fd listener, std::optional<std::chrono::seconds> idle_exit);

  // Until a signal, or until nobody has been there for `idle_exit`.
  void run();

 private:
  using Clock = std::chrono::steady_clock;

  void watch(int fd, uint32_t events, uint64_t tag);
  int timeout_ms();
  void handle(uint64_t tag, uint32_t events);
  void accept_all();
  bool accept_one();
  static void refuse(discovery::Fd socket, const std::string& why, Code code = Code::limit,
                     uint64_t reply_to = discovery::kJoin);
  bool make_room();
  void read_from(Client& client);
  void on_process_death(uint64_t id);
  void drop(uint64_t id);
  void flush_dirty();
  void trim_memory();
  void tidy();

  Registry& registry_;
  discovery::Fd listener_, epoll_, signals_;
  discovery::Fd spare_;  // given up for a moment when descriptors run out, to say so
  std::optional<std::chrono::seconds> idle_exit_;
  std::optional<Clock::time_point> idle_since_;
  bool ended_ = false;
  bool stalled_ = false;
  // When to look next for kept values that newer ones have replaced; none: there are none.
  std::optional<Clock::time_point> tidy_at_;
  std::chrono::seconds tidy_pause_{};
  uint32_t tidied_ = 0;  // publishers that were kept at the last look
  uint64_t next_client_ = 1;
  uint64_t cut_off_ = 0;  // clients that were not understood
  std::map<uint64_t, std::unique_ptr<Client>> clients_;
  std::set<uint64_t> unjoined_;
  size_t crowd_ = 0;  // the most clients since memory was last given back to the system
  // Processes whose socket is gone and that are not dead yet.
  struct Ghost {
    discovery::Fd pidfd;
    Session* session;
  };
  std::unordered_map<uint64_t, Ghost> ghosts_;
};

}  // namespace polybus::registry

// The bus as its processes see it: takes their requests, answers, and introduces their ends to each other. Knows nothing of
// sockets, so that tests can play any process.
#pragma once

#include <memory>
#include <string>

#include "discovery/registry/bus.hpp"

namespace polybus::registry {

class Registry {
 public:
  Registry(std::string bus_name, std::shared_ptr<bus::StatFile> stat_file);

  // A process has connected; `outbox` must outlive lost() or died() of the session.
  Session& open(Outbox& outbox, uint32_t pid);
  // Throws ProtocolError: the process is not to be talked to any more. What it merely may not do is answered with a Failure.
  // The session may be gone afterwards (Leave): returns false.
  bool handle(Session& session, discovery::Request request);
  // The socket is gone; see departures.hpp. False: the process used nothing, so it need not be waited for and the session
  // is gone.
  bool lost(Session& session);
  // The process is dead. The session is gone afterwards.
  void died(Session& session);

  uint32_t processes() const noexcept { return processes_; }  // that have joined and have a socket
  const Bus& bus() const noexcept { return bus_; }
  Bus& bus() noexcept { return bus_; }

 private:
  using Body = decltype(discovery::Reply::body);
  // What to answer; none: nothing to say.
  std::optional<Body> answer(Session& session, discovery::Request& request);
  Body join(Session& session, const discovery::Join& join, std::vector<discovery::SharedFd>* fds);
  Body add_node(Session& session, const discovery::AddNode& request);
  void remove_node(Session& session, uint64_t node);
  Body wake_fd(Session& session, const discovery::GiveWakeFd& request, std::vector<discovery::SharedFd> fds);
  Body known_schema(Session& session, const std::string& fingerprint);
  Body topic_schema(Session& session, const std::string& topic);

  Bus bus_;
  uint32_t processes_ = 0;
};

}  // namespace polybus::registry

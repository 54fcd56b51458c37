// Finding a bus, starting its busd where that is allowed, and joining it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "discovery/client/run.hpp"
#include "discovery/protocol/bus_files.hpp"

namespace polybus::discovery {

struct JoinPlan {
  std::string bus;            // "default" where nobody named one
  bool bus_is_given = false;  // then a socket that serves another bus is refused
  SocketChoice socket;
  bool autostart = true;
  bool autostart_is_given = false;  // by the program, not by the environment
  std::chrono::steady_clock::time_point deadline;
  std::function<bool()> is_cancelled;  // looked at every now and then; may be empty
};

// Throws NO_BUS (says what was tried), TIMEOUT, VERSION_MISMATCH, PERMISSION, LIMIT, IO, INVALID_ARGUMENT.
std::shared_ptr<Run> join_bus(const JoinPlan& plan);

}  // namespace polybus::discovery

// busd as a process: one per bus, its files, its start and its end.
#pragma once

#include <optional>
#include <string>

namespace polybus::registry {

struct DaemonOptions {
  std::string bus;
  std::string socket_path;         // empty: derived from the bus's name
  std::optional<int> idle_exit_s;  // none: stays
  int ready_fd = -1;               // where a starter waits for word, see below
};

// Serves the bus until a signal or until it is idle. Throws Error where it cannot start; `already_there` in the message's
// place is a busd that serves this bus already.
//
// Word to the starter, on `ready_fd`: "R" it listens; "A" another busd serves the bus; "E<code>:<message>" it cannot.
void serve(const DaemonOptions& options);

}  // namespace polybus::registry

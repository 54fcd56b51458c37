// Processes that end with the one who started them, whatever ends that.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "discovery/protocol/fd.hpp"

namespace polybus::cli::chaos {

// Orphans of descendants become children of this process, so that each process of a run ends up being waited for here.
void adopt_orphans();

// A child that runs `work` and exits with what it returns; out of reach of the terminal's Ctrl-C, with nothing of ours open but
// `kept_fds`. stderr goes to `log_fd`.
pid_t fork_child(int log_fd, const std::vector<int>& kept_fds, const std::function<int()>& work);

struct Program {
  pid_t pid = 0;
  discovery::Fd input;   // its stdin
  discovery::Fd output;  // its stdout
};
// The same for a program; `board_fd` becomes its descriptor 3.
Program start_program(const std::vector<std::string>& command, int log_fd, int board_fd);

bool send_signal(pid_t pid, int signal) noexcept;
// Kills it and waits for its end.
void end_child(pid_t pid) noexcept;

// What a process has open and mapped, as /proc tells: how many of each kind, such as "socket" or "mapping of /memfd:polybus".
using Footprint = std::map<std::string, uint64_t>;
Footprint footprint_of(pid_t pid);
pid_t parent_of(pid_t pid);
// Those of this process.
std::vector<pid_t> children_but(pid_t exempt);
std::string name_of(pid_t pid);

}  // namespace polybus::cli::chaos

#include "discovery/registry/killed.hpp"

#include <signal.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>

#include "discovery/registry/stat_slots.hpp"

namespace polybus::registry {
namespace {

// Without a descriptor: busd may be out of them, and then nobody is to be taken for dead.
bool has_gone(uint32_t pid) { return ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH; }

// What the kernel says of it in /proc/<pid>/status.
struct Status {
  char state = '?';
  unsigned long threads = 0;
  unsigned long long pending =
      0;  // signals for the process as a whole; a killed one has SIGKILL there until it is reaped
};

Status status_of(uint32_t pid) {
  Status status;
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string key, line; in >> key && std::getline(in, line);) {
    const size_t at = line.find_first_not_of(" \t");
    if (at == std::string::npos) continue;
    if (key == "State:") status.state = line[at];
    if (key == "Threads:") status.threads = std::strtoul(&line[at], nullptr, 10);
    if (key == "ShdPnd:") status.pending = std::strtoull(&line[at], nullptr, 16);
  }
  return status;
}

}  // namespace

bool was_killed(uint32_t pid, uint64_t start_ticks) {
  if (start_ticks == 0) return false;
  const Status status = status_of(pid);
  const uint64_t ticks = process_start_ticks(pid);
  if (ticks == 0) return has_gone(pid);
  if (ticks != start_ticks) return true;  // another one has its number
  // The first thread is a zombie, too, when it ended before the others.
  if (status.state == 'Z' && status.threads <= 1) return true;
  return (status.pending & (1ULL << (SIGKILL - 1))) != 0;
}

}  // namespace polybus::registry

// Where a bus's socket and the files beside it lie.
#pragma once

#include <string>
#include <vector>

namespace polybus::discovery {

// All derived from the socket's path: "x/default.sock" has "x/default.lock" and so on.
struct BusFiles {
  std::string socket;
  std::string lock;        // held by busd as long as it lives
  std::string start_lock;  // held by whoever starts busd
  std::string stat;        // counters; in the shared-memory file system where the socket's folder is on a disk
  std::string log;         // of a busd that was started by a client
};
BusFiles files_beside(const std::string& socket_path);

// What may hold the sockets of this user's buses, best first: $XDG_RUNTIME_DIR/polybus, /run/user/<uid>/polybus if it is ours,
// /tmp/polybus-<uid>. A program without XDG_RUNTIME_DIR (cron, sudo) and one with it must meet, so whoever looks for a bus looks
// in all of them.
std::vector<std::string> socket_folders();

struct SocketChoice {
  bool is_given = false;           // by the caller or POLYBUS_SOCKET, not derived from the bus's name
  std::vector<std::string> paths;  // absolute; where to look, in this order
};
// `given` empty: POLYBUS_SOCKET, else derived. Throws INVALID_ARGUMENT.
SocketChoice choose_socket(const std::string& bus, const std::string& given);

// The first of the choice's paths whose folder is there, or can be made, and is writable. Throws IO or PERMISSION with the
// remedy.
std::string socket_to_make(const SocketChoice& choice);

// A log in which nobody wrote anything.
void remove_if_empty(const std::string& path) noexcept;

// Sockets of other buses in these folders, for an error's "did you mean".
std::vector<std::string> other_buses();

}  // namespace polybus::discovery

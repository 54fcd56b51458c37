// Unix stream sockets by path, also by paths that are longer than the 107 bytes the system allows.
#pragma once

#include <sys/types.h>

#include <string>

#include "discovery/protocol/fd.hpp"

namespace polybus::discovery {

enum class Reached {
  yes,
  nothing_there,  // no such path
  stale,          // a socket nobody listens on
  busy,           // the listener's backlog is full: try again
};

// Never blocks. Throws IO (something that is not a socket is in its place), PERMISSION, INVALID_ARGUMENT (too long).
Reached connect_unix(const std::string& path, Fd* out);

// Mode 0600. A stale socket in its place is replaced; anything else is left alone. Throws IO, PERMISSION, INVALID_ARGUMENT.
Fd listen_unix(const std::string& path);

struct PeerCredentials {
  pid_t pid = 0;  // 0: in a pid namespace that we do not see
  uid_t uid = 0;
};
PeerCredentials peer_credentials(int socket);
// Readable when the process at the other end is dead; empty if the system has none.
Fd peer_pidfd(int socket, pid_t pid);

}  // namespace polybus::discovery

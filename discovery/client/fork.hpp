// What a fork leaves of the client: in the child every socket to busd is closed and nothing else is touched.
#pragma once

namespace polybus::discovery {

// Sockets to close in a forked child. Lock-free, since the child runs with whatever other threads were in the middle of.
void note_socket(int fd) noexcept;
void forget_socket(int fd) noexcept;

}  // namespace polybus::discovery

// Whether a process is dead, or will be before it does anything more.
#pragma once

#include <cstdint>

namespace polybus::registry {

// The process that had this pid and started then (process_start_ticks) has gone, or SIGKILL is on its way to it. Its socket
// and its pidfd tell that only when it is done with dying, which takes a while where it has much memory. False where
// nothing is known, and of a process that is merely stopped.
bool was_killed(uint32_t pid, uint64_t start_ticks);

}  // namespace polybus::registry

// A program on the bus that publishes, takes and checks, and may be killed at any moment: the C++ one. Those of other languages
// are worker.py and worker.cjs.
#pragma once

#include <cstddef>

#include "tools/bus-cli/chaos/board.hpp"

namespace polybus::cli::chaos {

// Until the board says to leave. Returns the process's exit code.
int run_worker(const Board& board, size_t slot);

}  // namespace polybus::cli::chaos

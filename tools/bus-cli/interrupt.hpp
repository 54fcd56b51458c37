// Ctrl-C and SIGTERM: at once while a command prepares, in good order once it streams.
#pragma once

#include "tools/bus-cli/exit_code.hpp"

namespace polybus::cli {

// From the start of the program: a signal ends it with 130 or 143.
void install_signal_handlers();
// From here on a first signal only sets interrupted() and makes interrupt_fd() readable; a second one still ends.
void stream_until_interrupted();
bool interrupted() noexcept;
int interrupt_fd() noexcept;
// What to end with: done if there was a result, else 130 or 143.
Exit interrupted_exit(bool had_results) noexcept;

}  // namespace polybus::cli

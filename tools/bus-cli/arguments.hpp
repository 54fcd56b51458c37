// The command line: every command, its options and their help, in one place.
#pragma once

#include "tools/bus-cli/exit_code.hpp"

namespace polybus::cli {

// Parses, runs the command that was asked for, and says how it ended.
Exit run_command_line(int argc, char** argv);

}  // namespace polybus::cli

// Where a bus's socket and counter file lie, and which slots of the file are of living ends.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "discovery/client/session.hpp"
#include "tools/bus-cli/output.hpp"

namespace polybus::cli {

// The bus that was named, or the environment's.
std::string bus_name(const Globals& globals);
// Joins without starting anything and gives up soon: for commands that only look.
discovery::ConnectOptions read_only_options(const Globals& globals);

// Where the bus's socket may be, in the order in which clients look. Throws INVALID_ARGUMENT for a bad bus name.
std::vector<std::string> socket_paths(const Globals& globals);
// The counter files beside them.
std::vector<std::string> counter_file_paths(const Globals& globals);

// Slots whose end's process still lives. Does not read the file's holes, which would make them memory.
std::vector<uint32_t> slots_in_use(const bus::StatFile& file);

// The process that answers on the socket; 0: nobody does.
pid_t listening_pid(const std::string& socket_path);

}  // namespace polybus::cli

// Which process a number names.
#pragma once

#include <cstdint>

namespace polybus::cli {

// When the process was started, in ticks since boot (/proc/<pid>/stat, field 22); 0 if it is not there. Together with the pid
// it names a process for good.
uint64_t process_start_ticks(uint32_t pid);

}  // namespace polybus::cli

#include "tools/bus-cli/bus_files.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include "bus/transport/stat.hpp"

namespace polybus::cli {
}

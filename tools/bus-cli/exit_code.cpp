#include "tools/bus-cli/exit_code.hpp"

namespace polybus::cli {

Exit exit_of(Code code) noexcept {
  switch (code) {
    case Code::ok: return Exit::done;
    case Code::empty:
    case Code::timeout: return Exit::timeout;
    case Code::invalid_argument:
    case Code::invalid_topic: return Exit::usage;
    case Code::no_bus:
    case Code::disconnected:
    case Code::version_mismatch: return Exit::bus_unreachable;
    case Code::bad_schema:
    case Code::schema_mismatch: return Exit::schema_mismatch;
    case Code::bad_message: return Exit::corrupt;
    case Code::too_large:
    case Code::no_memory:
    case Code::too_many_loans:
    case Code::too_many_samples:
    case Code::limit: return Exit::out_of_resources;
    case Code::exclusive:
    case Code::permission: return Exit::permission;
    case Code::interrupted: return Exit::interrupted;
    case Code::closed:
    case Code::forked:
    case Code::io:
    case Code::internal: return Exit::condition_false;
  }
  return Exit::condition_false;
}

}  // namespace polybus::cli

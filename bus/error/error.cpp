#include <polybus/error.hpp>

namespace polybus {

std::string_view code_name(Code code) noexcept {
  switch (code) {
    case Code::ok: return "OK";
    case Code::empty: return "EMPTY";
    case Code::timeout: return "TIMEOUT";
    case Code::invalid_argument: return "INVALID_ARGUMENT";
    case Code::invalid_topic: return "INVALID_TOPIC";
    case Code::no_bus: return "NO_BUS";
    case Code::disconnected: return "DISCONNECTED";
    case Code::version_mismatch: return "VERSION_MISMATCH";
    case Code::bad_schema: return "BAD_SCHEMA";
    case Code::schema_mismatch: return "SCHEMA_MISMATCH";
    case Code::bad_message: return "BAD_MESSAGE";
    case Code::too_large: return "TOO_LARGE";
    case Code::no_memory: return "NO_MEMORY";
    case Code::too_many_loans: return "TOO_MANY_LOANS";
    case Code::too_many_samples: return "TOO_MANY_SAMPLES";
    case Code::limit: return "LIMIT";
    case Code::exclusive: return "EXCLUSIVE";
    case Code::permission: return "PERMISSION";
    case Code::closed: return "CLOSED";
    case Code::forked: return "FORKED";
    case Code::io: return "IO";
    case Code::internal: return "INTERNAL";
    case Code::interrupted: return "INTERRUPTED";
  }
  return "UNKNOWN";
}

}  // namespace polybus

// The few lines the adapters themselves have to say, to stderr, as POLYBUS_LOG allows.
#pragma once

#include <string>

namespace polybus::detail {

// Never throws, and never blocks for longer than stderr does.
void log_error(const std::string& message) noexcept;

}  // namespace polybus::detail

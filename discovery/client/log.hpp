// What the library has to say: to stderr, as far as POLYBUS_LOG asks (off error warn info debug; default warn). A library has
// no business with a logging framework in its host's process.
#pragma once

#include <string>

namespace polybus::discovery {

enum class LogLevel { error = 1, warn = 2, info = 3, debug = 4 };

bool log_is_on(LogLevel level) noexcept;
void log(LogLevel level, const std::string& text) noexcept;

}  // namespace polybus::discovery

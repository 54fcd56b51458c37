#include "discovery/client/log.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace polybus::discovery {
namespace {

int wanted_level() noexcept {
  const char* text = std::getenv("POLYBUS_LOG");
  const std::string_view name = text == nullptr ? "" : text;
  if (name == "off") return 0;
  if (name == "error") return 1;
  if (name == "info") return 3;
  if (name == "debug") return 4;
  return 2;
}

constexpr std::string_view kNames[] = {"", "error", "warning", "info", "debug"};

}  // namespace

bool log_is_on(LogLevel level) noexcept {
  static const int wanted = wanted_level();
  return static_cast<int>(level) <= wanted;
}

void log(LogLevel level, const std::string& text) noexcept {
  if (!log_is_on(level)) return;
  try {
    const std::string line = "polybus " + std::string(kNames[static_cast<int>(level)]) + ": " + text + "\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  } catch (...) {  // out of memory: say nothing
  }
}

}  // namespace polybus::discovery

#include "adapters/cpp/src/log.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace polybus::detail {

void log_error(const std::string& message) noexcept {
  const char* level = std::getenv("POLYBUS_LOG");
  if (level != nullptr && std::string_view(level) == "off") return;
  std::fprintf(stderr, "polybus: error: %s\n", message.c_str());
}

}  // namespace polybus::detail

// busd's log: to stderr, which is a file for a busd that a client started. POLYBUS_LOG sets the level.
#pragma once

#include <string>
#include <string_view>

namespace polybus::registry {

enum class Level { debug, info, warn, error };

// `level`: off error warn info debug; anything else is warn.
void open_log(const std::string& bus, std::string_view level);
bool log_is_on(Level level) noexcept;
void log(Level level, const std::string& text);
// What clients say goes into it as well: everything that is no printable text becomes \xNN, and it ends after 2,000 bytes.
std::string printable(std::string_view text);

inline void log_info(const std::string& text) {
  if (log_is_on(Level::info)) log(Level::info, text);
}
inline void log_warn(const std::string& text) {
  if (log_is_on(Level::warn)) log(Level::warn, text);
}

}  // namespace polybus::registry

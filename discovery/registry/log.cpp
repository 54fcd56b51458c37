// The only file that sees spdlog.
#include "discovery/registry/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "bus/message/utf8.hpp"

namespace polybus::registry {
namespace {

std::shared_ptr<spdlog::logger> logger;

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

void open_log(const std::string& bus, std::string_view level) {
  logger = std::make_shared<spdlog::logger>("busd", std::make_shared<spdlog::sinks::stderr_sink_st>());
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e busd " + bus + " %l: %v");
  auto wanted = spdlog::level::warn;
  if (level == "off") wanted = spdlog::level::off;
  if (level == "error") wanted = spdlog::level::err;
  if (level == "info") wanted = spdlog::level::info;
  if (level == "debug") wanted = spdlog::level::debug;
  logger->set_level(wanted);
  logger->flush_on(spdlog::level::trace);
}

bool log_is_on(Level level) noexcept { return logger != nullptr && logger->should_log(to_spdlog(level)); }

std::string printable(std::string_view text) {
  constexpr size_t kBytesMax = 2000;
  std::string out;
  while (!text.empty() && out.size() < kBytesMax) {
    const size_t bytes = bus::utf8_character(text);
    const auto first = static_cast<unsigned char>(text[0]);
    const bool is_control = first < 0x20 || first == 0x7f;
    const bool is_c1 =
        bytes == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;  // terminals obey these, too
    if (bytes != 0 && !is_control && !is_c1) {
      out += text.substr(0, bytes);
      text.remove_prefix(bytes);
      continue;
    }
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\x%02x", first);
    out += escaped;
    text.remove_prefix(1);
  }
  return text.empty() ? out : out + "…";
}

void log(Level level, const std::string& text) {
  if (logger != nullptr) logger->log(to_spdlog(level), printable(text));
}

}  // namespace polybus::registry

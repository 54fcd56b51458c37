#include "tools/bus-cli/units.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <span>
#include <string_view>

#include "tools/bus-cli/exit_code.hpp"

namespace polybus::cli {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr Unit kDurations[] = {{"", 1e9}, {"s", 1e9},  {"ms", 1e6},   {"us", 1e3},  {"µs", 1e3},
                               {"ns", 1}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}};
constexpr Unit kRates[] = {{"", 1},         {"Hz", 1},          {"k", 1e3},           {"kHz", 1e3}, {"M", 1e6},
                           {"B", 1},        {"kB", 1e3},        {"KB", 1e3},          {"MB", 1e6},  {"GB", 1e9},
                           {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};

double parse_with_units(std::string_view text, std::span<const Unit> units, const std::string& what) {
  const std::string original(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && value >= 0 && std::isfinite(value)) {
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    while (text.starts_with(' ')) text.remove_prefix(1);
    if (text.ends_with("/s")) text.remove_suffix(2);
    for (const Unit& unit : units) {
      if (unit.name == text) return value * unit.factor;
    }
  }
  throw Stop(Exit::usage, "\"" + original + "\" is not " + what);
}

std::string format(const char* pattern, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, pattern, value);
  return buffer;
}

// Three digits or so, with the unit that fits.
std::string scaled(double value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value >= unit.factor) best = &unit;
  }
  const double shown = value / best->factor;
  return format(shown >= 100 || best->factor == 1 ? "%.0f" : "%.1f", shown) + " " + std::string(best->name);
}

}  // namespace

std::chrono::nanoseconds parse_duration(const std::string& text) {
  const double ns = parse_with_units(text, kDurations, "a duration: write 5s, 200ms, 2m");
  return std::chrono::nanoseconds(static_cast<int64_t>(std::min(ns, 9e18)));
}

double parse_rate(const std::string& text) { return parse_with_units(text, kRates, "a rate: write 30, 1.5k, 5MB"); }

double parse_tolerance(const std::string& text) {
  static constexpr Unit kFractions[] = {{"", 1}, {"%", 0.01}};
  return parse_with_units(text, kFractions, "a tolerance: write 5% or 0.05");
}

std::string hz_text(double hz) {
  return format(hz >= 1000 ? "%.0f" : hz >= 1 || hz == 0 ? "%.1f" : "%.2f", hz) + " Hz";
}

std::string bytes_text(double bytes) {
  static constexpr Unit kBytes[] = {{"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}};
  return scaled(bytes, kBytes);
}

std::string duration_text(double nanoseconds) {
  static constexpr Unit kTimes[] = {{"ns", 1}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}};
  return scaled(nanoseconds, kTimes);
}

std::string plain_number(double value) {
  std::string text = format("%.3f", value);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string age_text(uint64_t then_realtime_ns) {
  if (then_realtime_ns == 0) return "never";
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const double now_ns = static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
  return duration_text(std::max(0.0, now_ns - static_cast<double>(then_realtime_ns))) + " ago";
}

}  // namespace polybus::cli

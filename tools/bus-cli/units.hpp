// Figures as people read and write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace polybus::cli {

// "5s" "200ms" "1.5m" "2h" "10us" "300ns"; a bare number is seconds. Throws Stop(usage).
std::chrono::nanoseconds parse_duration(const std::string& text);
// "30" "30Hz" "1.5k"; "5MB" "5MB/s" "64KiB". Throws Stop(usage).
double parse_rate(const std::string& text);
// "5%" or "0.05" as a fraction. Throws Stop(usage).
double parse_tolerance(const std::string& text);

std::string hz_text(double hz);                   // "10.0 Hz"
std::string bytes_text(double bytes);             // "186.6 MB"
std::string duration_text(double nanoseconds);    // "2.1 µs"
std::string plain_number(double value);           // up to three decimals, no exponent
std::string age_text(uint64_t then_realtime_ns);  // "12 ms ago", "never"

}  // namespace polybus::cli

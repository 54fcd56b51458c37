// What one end of a topic has counted so far, read from its slot of the counter file.
#pragma once

#include <array>
#include <cstdint>

namespace polybus::bus {
struct StatSlot;
}

namespace polybus::cli {

// A copy; the numbers are of slightly different moments.
struct Counters {
  uint64_t messages = 0;  // publisher: newest sequence; subscriber: taken
  uint64_t bytes = 0;
  uint64_t last_realtime_ns = 0;
  uint64_t lost = 0;
  uint64_t level = 0;  // subscriber: waiting; publisher: drafts on loan
  uint64_t held = 0;
  uint64_t memory_bytes = 0, quota_bytes = 0;
  uint64_t peers = 0;
  std::array<uint64_t, 32> latency{};  // messages per floor(log2(ns))
  // Publishers, over the last 1 to 2 s (see rate_of).
  double hz = 0, bytes_per_s = 0;
};

Counters read_counters(const bus::StatSlot& slot);

// Messages per power of two of nanoseconds -> the latency below which `share` (0..1) of them lie [ns], 0 if there are none.
double percentile_ns(const std::array<uint64_t, 32>& latency, double share);
uint64_t total(const std::array<uint64_t, 32>& latency);

}  // namespace polybus::cli

// What came of a run.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "tools/bus-cli/chaos/board.hpp"
#include "tools/bus-cli/chaos/plan.hpp"
#include "tools/bus-cli/output.hpp"

namespace polybus::cli::chaos {

struct Report {
  uint64_t seed = 0;
  std::array<uint64_t, kLanguages> kills{};
  uint64_t busd_kills = 0, stops = 0, audits = 0;
  double storm_s = 0;  // without the audits
  uint64_t lives = 0, published = 0, received = 0, lost = 0, refusals = 0;
  double longest_silence_ms = 0;  // of a worker that was not stopped
  bool is_interrupted = false;
  std::vector<std::string> skipped;   // languages, with the reason
  std::vector<std::string> findings;  // what must not be; the first word is its kind

  uint64_t total_kills() const;
  void find(std::string what);
  // A process's figures, when it has ended.
  void add(const Deeds& deeds);
  void print(const Globals& globals) const;
};

}  // namespace polybus::cli::chaos

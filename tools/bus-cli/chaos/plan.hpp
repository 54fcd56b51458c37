// What happens in a run, drawn from its seed: whom to kill or stop next, after how long, and what each new worker does. (What the
// system makes of it differs from run to run.)
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string_view>

#include "tools/bus-cli/chaos/board.hpp"

namespace polybus::cli::chaos {

enum class Language : uint8_t { cpp, python, node };
inline constexpr size_t kLanguages = 3;
inline constexpr std::array<std::string_view, kLanguages> kLanguageNames = {"c++", "python", "node"};

// What a place in the crew is for. The processes in it come and go.
struct Role {
  Language language;
  bool is_victim;  // else it lives through the whole run, but may be stopped
  uint64_t publishes, subscribes;
  bool reopens = false;
  bool is_newcomer = false;  // only there when the audit is
};

struct Stroke {
  enum class Kind : uint8_t { kill, stop } kind;
  bool is_at_busd;
  Language language;  // of the victim, where it is not busd
  uint64_t choice;    // among those
  uint32_t pause_us;  // before
  uint32_t stop_us;   // for how long
  bool is_patient;    // wait until the victim is at work; else it may be in the middle of joining
};

class Plan {
 public:
  // `is_full_rate`: publishers do not pause. `is_guest`: busd is somebody else's.
  Plan(uint64_t seed, bool is_full_rate, bool is_guest)
      : random_(seed), is_full_rate_(is_full_rate), is_guest_(is_guest) {}
  Stroke next();
  Orders orders(const Role& role);

 private:
  std::mt19937_64 random_;
  bool is_full_rate_, is_guest_;
  uint64_t lives_ = 0;
};

}  // namespace polybus::cli::chaos

// Deliberate faults of the long-lived workers, so that it can be shown that chaos finds them (tests/cli/test_chaos.py).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace polybus::cli::chaos {

// 1 + the place in this list is what Orders::sabotage says. Between the bus and the check of what was received: a byte is
// changed, two messages change places, one disappears. Or the worker stops making progress, opens descriptors and forgets
// them, holds a message for ever, or ends.
inline constexpr std::array<std::string_view, 7> kSabotages = {"corrupt", "reorder", "lose", "hang",
                                                               "fds",     "hold",    "exit"};
enum class Sabotage : uint64_t { none, corrupt, reorder, lose, hang, fds, hold, exit };
struct SabotageOrder {
  Sabotage what = Sabotage::none;
  std::string_view language;  // of the workers that do it
};
inline constexpr uint64_t kSabotageAfter = 50;  // messages

}  // namespace polybus::cli::chaos

// Whether what busd shows of the bus is what there is.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>

#include "tools/bus-cli/chaos/arena.hpp"
#include "tools/bus-cli/chaos/board.hpp"

namespace polybus::cli::chaos {

struct ExpectedGraph {
  std::set<uint32_t> pids;
  std::array<uint64_t, kTopics> publishers{}, subscribers{};
};

// Looks from a process of its own. Empty: it is; else the first difference.
std::string check_graph(const Arena& arena, const ExpectedGraph& expected, std::chrono::milliseconds bound);

}  // namespace polybus::cli::chaos

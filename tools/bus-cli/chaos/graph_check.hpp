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

// Of a guest on others' bus only what is the run's own is looked at.
struct ExpectedGraph {
  std::set<uint32_t> pids;
  std::array<uint64_t, kTopics> publishers{}, subscribers{};
};

// Looks from a process of its own. Empty: it is; else the first difference.
std::string check_graph(const Arena& arena, const ExpectedGraph& expected, std::chrono::milliseconds bound);

// When all ends of the run are closed: what they kept would stay on a host's bus for as long as its busd.
void drop_kept_values(const Arena& arena);

}  // namespace polybus::cli::chaos

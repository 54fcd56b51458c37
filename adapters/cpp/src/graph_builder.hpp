// The registry's picture of the bus, joined with the counters the ends keep in shared memory.
#pragma once

#include <polybus/graph.hpp>

#include "bus/transport/stat.hpp"
#include "discovery/client/session.hpp"

namespace polybus::detail {

// `counters` may be null: all figures are 0 then.
Graph build_graph(discovery::Graph graph, const bus::StatFile* counters);

}  // namespace polybus::detail

// The graph and its events as JSON (docs/graph.md).
#pragma once

#include <polybus/graph.hpp>
#include <string>

namespace polybus::c {

std::string graph_json(const Graph& graph);
std::string event_json(const GraphEvent& event);

}  // namespace polybus::c

// The bus as a picture, for those who ask.
#pragma once

#include "discovery/registry/bus.hpp"

namespace polybus::registry {

discovery::Graph draw_graph(const Bus& bus);

}  // namespace polybus::registry

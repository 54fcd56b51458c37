// What buses, topics and nodes may be called.
#pragma once

#include <string>

namespace polybus::discovery {

// INVALID_TOPIC with what is allowed; INVALID_ARGUMENT for a bus or node name.
void check_topic(const std::string& topic);
void check_bus_name(const std::string& bus);
void check_node_name(const std::string& node);

}  // namespace polybus::discovery

// bus-cli node list, bus-cli node info NAME
#include <algorithm>

#include "tools/bus-cli/bus_view.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/glob.hpp"
#include "tools/bus-cli/json_line.hpp"
#include "tools/bus-cli/suggestion.hpp"
#include "tools/bus-cli/units.hpp"

namespace polybus::cli {
namespace {

struct NodeEnds {
  NodeRow node;
  std::vector<const End*> publishers, subscribers;
};

bool is_of(const End& end, const NodeRow& node) { return end.pid == node.pid && end.node == node.name; }

// Nodes of one process with one name are told apart by nobody; they share a row.
std::vector<NodeEnds> nodes_of(const BusView& view, const std::string& pattern) {
  std::vector<NodeEnds> nodes;
  for (const NodeRow& node : view.nodes) {
    if (!pattern.empty() && !glob_match(pattern, node.name) && pattern != std::to_string(node.pid)) continue;
    const bool known = std::ranges::any_of(
        nodes, [&](const NodeEnds& other) { return other.node.pid == node.pid && other.node.name == node.name; });
    if (!known) nodes.push_back({node, {}, {}});
  }
  for (NodeEnds& entry : nodes) {
    for (const Topic& topic : view.topics) {
      for (const End& end : topic.publishers) {
        if (is_of(end, entry.node)) entry.publishers.push_back(&end);
      }
      for (const End& end : topic.subscribers) {
        if (is_of(end, entry.node)) entry.subscribers.push_back(&end);
      }
    }
  }
  std::ranges::sort(nodes, {}, [](const NodeEnds& entry) { return std::pair(entry.node.name, entry.node.pid); });
  return nodes;
}

JsonObject json_of(const NodeRow& node) {
  JsonObject line = json_line();
  return line.text("node", node.name).count("pid", node.pid).text("language", node.language);
}

std::vector<JsonObject> json_of(const std::vector<const End*>& ends) {
  std::vector<JsonObject> list;
  for (const End* end : ends) {
    JsonObject json;
    json.text("topic", end->topic).text_or_null("type", end->type);
    if (end->is_publisher) {
      json.digits("seq", end->counters.messages).number("hz", end->counters.hz);
    } else {
      json.digits("taken", end->counters.messages).digits("drops", end->counters.lost);
    }
    list.push_back(json);
  }
  return list;
}

void print_text(const Globals& globals, const NodeEnds& entry) {
  print_line(bold(entry.node.name) + "   pid " + std::to_string(entry.node.pid) + "   " + entry.node.language);
  Table table({"END", "TOPIC", "TYPE", ">MESSAGES", ">RATE", ">DROPS"});
  for (const End* end : entry.publishers) {
    table.add({"publishes", end->topic, end->type.empty() ? "-" : end->type, std::to_string(end->counters.messages),
               hz_text(end->counters.hz), "-"});
  }
  for (const End* end : entry.subscribers) {
    table.add({"subscribes", end->topic, end->type.empty() ? "-" : end->type, std::to_string(end->counters.messages),
               "-", std::to_string(end->counters.lost)});
  }
  table.print(globals);
}

// The nodes that are meant. Throws Stop(not_found) where a pattern was given and nothing matches.
std::vector<NodeEnds> required_nodes(const BusView& view, const std::string& pattern) {
  auto nodes = nodes_of(view, pattern);
  if (!nodes.empty() || pattern.empty()) return nodes;
  std::vector<std::string> names;
  for (const NodeRow& node : view.nodes) names.push_back(node.name);
  throw Stop(Exit::not_found, "no node \"" + pattern + "\" on bus " + view.bus + suggestion(pattern, names));
}

}  // namespace

Exit run_node_list(const Globals& globals, const NodeOptions& options) {
  const BusView view = look_at_bus(globals);
  const auto nodes = required_nodes(view, options.pattern);
  if (nodes.empty() && !globals.json) note(globals, "no nodes on bus " + view.bus);
  Table table({"NODE", ">PID", "LANGUAGE", ">PUB", ">SUB"});
  for (const NodeEnds& entry : nodes) {
    if (globals.json) {
      JsonObject line = json_of(entry.node);
      print_line(
          line.count("publishers", entry.publishers.size()).count("subscribers", entry.subscribers.size()).str());
    } else {
      table.add({entry.node.name, std::to_string(entry.node.pid), entry.node.language,
                 std::to_string(entry.publishers.size()), std::to_string(entry.subscribers.size())});
    }
  }
  table.print(globals);
  return Exit::done;
}

Exit run_node_info(const Globals& globals, const NodeOptions& options) {
  const BusView view = look_at_bus(globals);
  const auto nodes = required_nodes(view, options.pattern);
  for (const NodeEnds& entry : nodes) {
    if (globals.json) {
      JsonObject line = json_of(entry.node);
      print_line(
          line.list("publishers", json_of(entry.publishers)).list("subscribers", json_of(entry.subscribers)).str());
    } else {
      print_text(globals, entry);
    }
  }
  return Exit::done;
}

}  // namespace polybus::cli

// bus-cli graph: who publishes what to whom, as text, for Graphviz, for Mermaid, or as JSON (docs/graph.md)
#include <algorithm>
#include <functional>
#include <map>

#include "tools/bus-cli/bus_view.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/glob.hpp"
#include "tools/bus-cli/json_line.hpp"
#include "tools/bus-cli/units.hpp"

namespace polybus::cli {
namespace {

std::string label(const End& end) { return end.node + " (" + end.language + ", pid " + std::to_string(end.pid) + ")"; }

std::string rate_label(const Topic& topic) {
  std::string text = hz_text(topic.hz());
  if (topic.drops() != 0) text += ", " + std::to_string(topic.drops()) + " dropped";
  return text;
}

// ---- text

void print_ends(const std::vector<End>& ends, const std::string& arrow) {
  for (const End& end : ends) print_line("  " + arrow + " " + label(end));
}

void print_text(const BusView& view) {
  std::string head = "bus " + view.bus + "   ";
  head += view.busd_pid != 0 ? "busd pid " + std::to_string(view.busd_pid) : "no busd";
  print_line(bold(head) + "   " + std::to_string(view.nodes.size()) + " nodes, " + std::to_string(view.topics.size()) +
             " topics");
  for (const Topic& topic : view.topics) {
    print_line("");
    print_line(bold(topic.name) + "   " + (topic.type.empty() ? "untyped" : topic.type) + "   " + rate_label(topic));
    print_ends(topic.publishers, "◀──");
    print_ends(topic.subscribers, "──▶");
    if (topic.kept != 0) print_line("  " + std::to_string(topic.kept) + " kept");
  }
}

// ---- dot and mermaid: boxes for nodes, rounded ones for topics

// Stable short names for what is drawn: n0 n1 ... and t0 t1 ...
class Names {
 public:
  explicit Names(std::string prefix) : prefix_(std::move(prefix)) {}
  const std::string& of(const std::string& key) {
    const auto [entry, is_new] = names_.try_emplace(key, "");
    if (is_new) entry->second = prefix_ + std::to_string(names_.size() - 1);
    return entry->second;
  }

 private:
  std::string prefix_;
  std::map<std::string, std::string> names_;
};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

struct Drawing {
  std::function<void(const std::string& id, const std::string& title, bool is_topic)> box;
  std::function<void(const std::string& from, const std::string& to, const std::string& title)> arrow;
};

void draw(const BusView& view, const Drawing& drawing) {
  Names nodes("n"), topics("t");
  const auto node_key = [](const std::string& name, uint32_t pid) { return name + "\n" + std::to_string(pid); };
  for (const NodeRow& node : view.nodes) {
    drawing.box(nodes.of(node_key(node.name, node.pid)), escaped(node.name) + " · " + escaped(node.language), false);
  }
  for (const Topic& topic : view.topics) drawing.box(topics.of(topic.name), topic.name, true);
  for (const Topic& topic : view.topics) {
    for (const End& end : topic.publishers) {
      drawing.arrow(nodes.of(node_key(end.node, end.pid)), topics.of(topic.name), hz_text(end.counters.hz));
    }
    for (const End& end : topic.subscribers) {
      const std::string title = end.counters.lost != 0 ? std::to_string(end.counters.lost) + " dropped" : "";
      drawing.arrow(topics.of(topic.name), nodes.of(node_key(end.node, end.pid)), title);
    }
  }
}

void print_dot(const BusView& view) {
  print_line("digraph polybus {");
  print_line("  rankdir=LR; node [fontname=\"sans-serif\"]; edge [fontname=\"sans-serif\", fontsize=10];");
  draw(view, {.box =
                  [](const std::string& id, const std::string& title, bool is_topic) {
                    print_line("  " + id + " [label=\"" + title + "\", shape=" + (is_topic ? "ellipse" : "box") + "];");
                  },
              .arrow =
                  [](const std::string& from, const std::string& to, const std::string& title) {
                    print_line("  " + from + " -> " + to + " [label=\"" + title + "\"];");
                  }});
  print_line("}");
}

void print_mermaid(const BusView& view) {
  print_line("graph LR");
  draw(view, {.box =
                  [](const std::string& id, const std::string& title, bool is_topic) {
                    print_line("  " + id + (is_topic ? "([\"" : "[\"") + title + (is_topic ? "\"])" : "\"]"));
                  },
              .arrow =
                  [](const std::string& from, const std::string& to, const std::string& title) {
                    const std::string arrow = title.empty() ? " --> " : " -->|\"" + title + "\"| ";
                    print_line("  " + from + arrow + to);
                  }});
}

// ---- JSON

JsonObject brief_of(const End& end) {
  JsonObject json;
  json.text("node", end.node).count("pid", end.pid).text("language", end.language).digits("id", end.id);
  if (end.is_publisher) {
    json.digits("seq", end.counters.messages).number("hz", end.counters.hz);
    return json.number("bytes_per_s", end.counters.bytes_per_s);
  }
  return json.digits("taken", end.counters.messages).digits("drops", end.counters.lost);
}

std::vector<JsonObject> brief_of(const std::vector<End>& ends) {
  std::vector<JsonObject> list;
  list.reserve(ends.size());
  for (const End& end : ends) list.push_back(brief_of(end));
  return list;
}

void print_json(const BusView& view) {
  std::vector<JsonObject> nodes, topics, connections;
  nodes.reserve(view.nodes.size());
  for (const NodeRow& node : view.nodes) {
    nodes.push_back(JsonObject().text("node", node.name).count("pid", node.pid).text("language", node.language));
  }
  for (const Topic& topic : view.topics) {
    JsonObject json;
    json.text("topic", topic.name).text_or_null("type", topic.type).text_or_null("fingerprint", topic.fingerprint);
    json.list("publishers", brief_of(topic.publishers)).list("subscribers", brief_of(topic.subscribers));
    topics.push_back(json.count("kept", topic.kept));
  }
  connections.reserve(view.connections.size());
  for (const auto& [publisher, subscriber] : view.connections) {
    connections.push_back(JsonObject().digits("publisher", publisher).digits("subscriber", subscriber));
  }
  JsonObject line = json_line();
  line.text("bus", view.bus).count("busd_pid", view.busd_pid);
  print_line(line.list("nodes", nodes).list("topics", topics).list("connections", connections).str());
}

}  // namespace

Exit run_graph(const Globals& globals, const GraphOptions& options) {
  BusView view = look_at_bus(globals);
  if (!options.hidden) std::erase_if(view.topics, [](const Topic& topic) { return is_hidden(topic.name); });
  if (globals.json || options.format == "json") {
    print_json(view);
  } else if (options.format == "dot") {
    print_dot(view);
  } else if (options.format == "mermaid") {
    print_mermaid(view);
  } else {
    print_text(view);
  }
  return Exit::done;
}

}  // namespace polybus::cli

// The C interface: nodes.
#include <optional>

#include "adapters/c/src/graph_json.hpp"
#include "adapters/c/src/handles.hpp"

using namespace polybus;

namespace {

NodeOptions node_options(const polybus_node_options& from) {
  NodeOptions options;
  if (from.bus != nullptr) options.bus = from.bus;
  if (from.socket_path != nullptr) options.socket_path = from.socket_path;
  options.timeout = c::timeout_of(from.timeout_ms);
  if (from.autostart >= 0) options.autostart = from.autostart != 0;
  options.language = from.language != nullptr ? from.language : "c";
  return options;
}

}  // namespace

extern "C" {

void polybus_node_options_init(polybus_node_options* options) {
  if (options == nullptr) return;
  *options = {.struct_size = sizeof *options,
              .bus = nullptr,
              .socket_path = nullptr,
              .timeout_ms = 5000,
              .autostart = -1,
              .language = "c"};
}

int polybus_node_open(const char* name, polybus_node** out, polybus_error* err) {
  return polybus_node_open_with(name, nullptr, out, err);
}

int polybus_node_open_with(const char* name, const polybus_node_options* options, polybus_node** out,
                           polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(name, "name");
    c::require(out, "out");
    const auto chosen = c::options_from(options, &polybus_node_options_init);
    *out = new polybus_node{std::make_shared<detail::NodeCore>(name, node_options(chosen))};
  });
}

void polybus_node_close(polybus_node* node) {
  if (node == nullptr) return;
  node->core->close();
  delete node;
}

const char* polybus_node_name(const polybus_node* node) { return node != nullptr ? node->core->name().c_str() : ""; }

const char* polybus_node_bus(const polybus_node* node) { return node != nullptr ? node->core->bus().c_str() : ""; }

int polybus_node_connected(const polybus_node* node) {
  if (node == nullptr) return 0;
  try {
    return node->core->connected() ? 1 : 0;
  } catch (...) {
    return 0;  // in a forked child: certainly not
  }
}

int polybus_node_graph_json(polybus_node* node, char** json, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(node, "node");
    c::require(json, "json");
    *json = c::duplicate(c::graph_json(node->core->graph()));
  });
}

}  // extern "C"

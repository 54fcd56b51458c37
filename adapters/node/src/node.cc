// Nodes and the graph.
#include "args.hpp"
#include "box.hpp"
#include "exports.hpp"

namespace polybus_js {
namespace {

using NodeBox = Box<polybus_node>;

// (name, bus or undefined, timeout in ms, autostart -1 0 1, language)
Napi::Value open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string name = text_at(info, 0);
  const std::string bus = is_given(info, 1) ? text_at(info, 1) : std::string();
  const std::string language = text_at(info, 4);
  polybus_node_options options;
  polybus_node_options_init(&options);
  if (is_given(info, 1)) options.bus = bus.c_str();
  options.timeout_ms = int_at(info, 2);
  options.autostart = static_cast<int32_t>(int_at(info, 3));
  options.language = language.c_str();
  polybus_error error{};
  polybus_node* node = nullptr;
  check(env, polybus_node_open_with(name.c_str(), &options, &node, &error), error);
  return NodeBox::wrap(env, node, polybus_node_close);
}

Napi::Value close(const Napi::CallbackInfo& info) {
  NodeBox::in(info).close();
  return info.Env().Undefined();
}

Napi::Value bus(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), polybus_node_bus(NodeBox::in(info).get(info.Env())));
}

Napi::Value connected(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), polybus_node_connected(NodeBox::in(info).get(info.Env())) == 1);
}

Napi::Value graph(const Napi::CallbackInfo& info) {
  polybus_error error{};
  char* json = nullptr;
  check(info.Env(), polybus_node_graph_json(NodeBox::in(info).get(info.Env()), &json, &error), error);
  const std::shared_ptr<char> owned(json, polybus_free);
  return Napi::String::New(info.Env(), json);
}

}  // namespace

void export_nodes(Napi::Env env, Napi::Object exports) {
  add(env, exports, "nodeOpen", open);
  add(env, exports, "nodeClose", close);
  add(env, exports, "nodeBus", bus);
  add(env, exports, "nodeConnected", connected);
  add(env, exports, "nodeGraph", graph);
}

}  // namespace polybus_js

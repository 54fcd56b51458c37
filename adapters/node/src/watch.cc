// Watching the graph.
#include "args.hpp"
#include "box.hpp"
#include "exports.hpp"

namespace polybus_js {
namespace {

using WatchBox = Box<polybus_watch>;

Napi::Value open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  polybus_error error{};
  polybus_watch* watch = nullptr;
  check(env, polybus_watch_open(Box<polybus_node>::in(info).get(env), &watch, &error), error);
  return WatchBox::wrap(env, watch, polybus_watch_close);
}

Napi::Value close(const Napi::CallbackInfo& info) {
  WatchBox::in(info).close();
  return info.Env().Undefined();
}

// One event as JSON, or null.
Napi::Value next(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  polybus_error error{};
  char* json = nullptr;
  if (!check_found(env, polybus_watch_next(WatchBox::in(info).get(env), 0, &json, &error), error)) return env.Null();
  const std::shared_ptr<char> owned(json, polybus_free);
  return Napi::String::New(env, json);
}

}  // namespace

void export_watches(Napi::Env env, Napi::Object exports) {
  add(env, exports, "watchOpen", open);
  add(env, exports, "watchClose", close);
  add(env, exports, "watchNext", next);
}

}  // namespace polybus_js

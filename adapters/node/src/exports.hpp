// What each file adds to the addon's exports.
#pragma once

#include <napi.h>

namespace polybus_js {

void export_schemas(Napi::Env env, Napi::Object exports);
void export_nodes(Napi::Env env, Napi::Object exports);
void export_publishers(Napi::Env env, Napi::Object exports);
void export_drafts(Napi::Env env, Napi::Object exports);
void export_subscribers(Napi::Env env, Napi::Object exports);
void export_samples(Napi::Env env, Napi::Object exports);
void export_regions(Napi::Env env, Napi::Object exports);
void export_watches(Napi::Env env, Napi::Object exports);
void export_polls(Napi::Env env, Napi::Object exports);
void export_work(Napi::Env env, Napi::Object exports);

template <typename Function>
void add(Napi::Env env, Napi::Object exports, const char* name, Function function) {
  exports.Set(name, Napi::Function::New(env, function, name));
}

}  // namespace polybus_js

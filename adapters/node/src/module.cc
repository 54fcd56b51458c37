// The addon. It offers lib/ the C interface as functions and adds nothing to it; what users see is made there.
#include <dlfcn.h>
#include <napi.h>

#include "addon.hpp"
#include "args.hpp"
#include "errors.hpp"
#include "exports.hpp"

namespace polybus_js {
namespace {

// Node unloads an addon with its last environment, and the library behind it. That one has installed a signal handler.
void stay_loaded() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&stay_loaded), &info) != 0)
    ::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

// (BusError)
Napi::Value initialize(const Napi::CallbackInfo& info) {
  Addon::of(info.Env()).error_class = Napi::Persistent(info[0].As<Napi::Function>());
  Addon::of(info.Env()).error_class.SuppressDestruct();
  return info.Env().Undefined();
}

// (size) → the memory that publisherPublishScratch() publishes from
Napi::Value scratch(const Napi::CallbackInfo& info) {
  Addon& addon = Addon::of(info.Env());
  auto buffer = Napi::ArrayBuffer::New(info.Env(), static_cast<size_t>(number_at(info, 0)));
  addon.scratch = Napi::Persistent(buffer);
  addon.scratch.SuppressDestruct();
  addon.scratch_data = buffer.Data();
  addon.scratch_size = buffer.ByteLength();
  return buffer;
}

Napi::Object load(Napi::Env env, Napi::Object exports) {
  stay_loaded();
  // A stray write into received memory must neither harm others nor end this process. Too late for it where another
  // language of this process has opened a node before: it then reads unguarded, as that one does.
  polybus_process_guard_reads(nullptr);
  Addon::install(env);
  exports.Set("version", polybus_version());
  exports.Set("abiVersion", polybus_abi_version());
  add(env, exports, "initialize", initialize);
  add(env, exports, "scratch", scratch);
  export_schemas(env, exports);
  export_nodes(env, exports);
  export_publishers(env, exports);
  export_drafts(env, exports);
  export_subscribers(env, exports);
  export_samples(env, exports);
  export_regions(env, exports);
  export_watches(env, exports);
  export_polls(env, exports);
  export_work(env, exports);
  return exports;
}

}  // namespace
}  // namespace polybus_js

static Napi::Object load_polybus(Napi::Env env, Napi::Object exports) { return polybus_js::load(env, exports); }
NODE_API_MODULE(polybus, load_polybus)

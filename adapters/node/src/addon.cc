#include "addon.hpp"

#include <cstdlib>
#include <set>

namespace polybus_js {
namespace {

// Every environment of the process, for the end of the process.
struct Everything {
  std::mutex mutex;
  std::set<Addon*> addons;
};

Everything& everything() {
  static auto* const instance = new Everything;  // never destroyed: used at exit
  return *instance;
}

void close_everything() {
  Everything& all = everything();
  std::lock_guard lock(all.mutex);
  for (Addon* addon : all.addons) addon->close_all();
}

}  // namespace

Addon::Addon() {
  // Registered after the library behind us was loaded, so it runs before that one's own end.
  [[maybe_unused]] static const int registered = std::atexit(close_everything);
  std::lock_guard lock(everything().mutex);
  everything().addons.insert(this);
}

Addon::~Addon() {
  {
    std::lock_guard lock(everything().mutex);
    everything().addons.erase(this);
  }
  close_all();
}

void Addon::install(Napi::Env env) {
  auto* const addon = new Addon;
  env.SetInstanceData<Addon>(addon);
  // Before the environment is taken down: handles of the event loop and samples must not wait for the instance data's end.
  env.AddCleanupHook([](Addon* it) { it->close_all(); }, addon);
}

void Addon::close_all() noexcept {
  closed_ = true;
  samples.release_all();
  while (!open_.empty()) {
    Open* const last = open_.back();
    last->close();  // usually removes itself
    if (!open_.empty() && open_.back() == last) open_.pop_back();
  }
}

}  // namespace polybus_js

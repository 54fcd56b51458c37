// What one JavaScript environment (the main thread or a worker) has open in this addon.
#pragma once

#include <napi.h>
#include <polybus/polybus.h>

#include <list>
#include <memory>
#include <mutex>

#include "extents.hpp"
#include "records.hpp"
#include "samples.hpp"

namespace polybus_js {

// Something that must be closed before its environment or the process ends, in the reverse order of its making.
class Open {
 public:
  virtual ~Open() = default;
  virtual void close() noexcept = 0;
};

// Belongs to one environment and is used on its thread only, but for the closing at the process's end. Environments come
// and go with worker threads; nothing here is shared between them.
class Addon {
 public:
  static Addon& of(Napi::Env env) { return *env.GetInstanceData<Addon>(); }
  // Makes it the environment's. It goes with the environment.
  static void install(Napi::Env env);

  Addon();
  ~Addon();
  Addon(const Addon&) = delete;
  Addon& operator=(const Addon&) = delete;

  using Place = std::list<Open*>::iterator;
  Place add(Open* open) { return open_.insert(open_.end(), open); }
  void remove(Place place) { open_.erase(place); }
  // Gives everything back to the bus. At the environment's end, or at the process's: `process.exit()` and an uncaught
  // exception end it without telling environments.
  void close_all() noexcept;
  bool is_closed() const noexcept { return closed_; }

  Napi::FunctionReference error_class;  // BusError
  Samples samples;
  Extents extents;
  Records records;  // of the samples that the last call handed out
  // Small messages are built here and copied into shared memory in one go, which is cheaper than a view of a loan.
  Napi::Reference<Napi::ArrayBuffer> scratch;
  void* scratch_data = nullptr;
  size_t scratch_size = 0;

 private:
  std::list<Open*> open_;
  bool closed_ = false;
};

}  // namespace polybus_js

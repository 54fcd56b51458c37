// Handles of the C interface as JavaScript sees them: an External that closes what nobody closed.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "addon.hpp"
#include "errors.hpp"

namespace polybus_js {

// Shared with work in the thread pool: a handle that is closed meanwhile goes with the last user.
template <typename T>
class Box final : public Open {
 public:
  Box(Addon& addon, std::shared_ptr<T> handle) : addon_(addon), handle_(std::move(handle)), place_(addon.add(this)) {}
  ~Box() override { close(); }

  static Napi::Value wrap(Napi::Env env, T* handle, void (*close)(T*)) {
    auto box = std::make_unique<Box>(Addon::of(env), std::shared_ptr<T>(handle, close));
    auto external = Napi::External<Box>::New(env, box.get(), [](Napi::Env, Box* unused) { delete unused; });
    (void)box.release();
    return external;
  }
  static Box& in(const Napi::CallbackInfo& info, size_t index = 0) {
    return *info[index].As<Napi::External<Box>>().Data();
  }

  // Throws CLOSED, which JavaScript mostly sees to before.
  T* get(Napi::Env env) const {
    if (!handle_) raise(env, POLYBUS_CLOSED, "used after close");
    return handle_.get();
  }
  const std::shared_ptr<T>& share(Napi::Env env) const {
    (void)get(env);
    return handle_;
  }
  void close() noexcept override {
    if (!handle_) return;
    handle_.reset();
    addon_.remove(place_);
  }

 private:
  Addon& addon_;
  std::shared_ptr<T> handle_;
  Addon::Place place_;
};

}  // namespace polybus_js

// Waiting for a subscriber's or a watch's descriptor in Node's own event loop: no thread and no polling.
#include <cstdlib>
#include <cstring>
#include <new>

#include "args.hpp"
#include "box.hpp"
#include "exports.hpp"
#include "uv.hpp"

namespace polybus_js {
namespace {

// Lives from open() until the loop has closed the handle; JavaScript's External only points here while it is open.
class Poll final : public Open {
 public:
  Poll(Napi::Env env, int fd, Napi::Function callback, Napi::Object resource)
      : env_(env), callback_(Napi::Persistent(callback)), context_(env, "polybus", resource) {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    if (std::strcmp(uv_handle_type_name(kUvPoll), "poll") != 0)
      raise(env, POLYBUS_INTERNAL, "this runtime has a libuv with other handle types than version 1");
    handle_ = static_cast<uv_handle_s*>(std::calloc(1, uv_handle_size(kUvPoll)));
    if (handle_ == nullptr) throw std::bad_alloc();
    const int code = uv_poll_init(loop, handle_, fd);
    if (code != 0) {
      std::free(handle_);
      raise(env, POLYBUS_IO, std::string("cannot wait for a descriptor: ") + uv_strerror(code));
    }
    uv_handle_set_data(handle_, this);
    // A worker's loop must not be taken down before it has closed this handle.
    napi_add_async_cleanup_hook(env, on_cleanup, this, &hook_);
    place_ = Addon::of(env).add(this);
  }

  void start() {
    if (is_open_) uv_poll_start(handle_, kUvReadable, on_ready);
  }
  void stop() {
    if (is_open_) uv_poll_stop(handle_);
  }
  void ref(bool wanted) {
    if (is_open_) wanted ? uv_ref(handle_) : uv_unref(handle_);
  }
  void close() noexcept override {
    if (!is_open_) return;
    is_open_ = false;
    Addon::of(env_).remove(place_);
    uv_close(handle_, on_closed);
  }

 private:
  static void on_ready(uv_handle_s* handle, int, int) {
    auto& poll = *static_cast<Poll*>(uv_handle_get_data(handle));
    Napi::HandleScope scope(poll.env_);
    napi_value function = poll.callback_.Value();
    napi_value receiver = poll.env_.Global();
    napi_value result = nullptr;
    // As Node's own callbacks: with the resource's async context, and microtasks afterwards.
    if (napi_make_callback(poll.env_, poll.context_, receiver, function, 0, nullptr, &result) != napi_pending_exception)
      return;
    napi_value error = nullptr;
    if (napi_get_and_clear_last_exception(poll.env_, &error) == napi_ok) napi_fatal_exception(poll.env_, error);
  }
  static void on_cleanup(napi_async_cleanup_hook_handle, void* poll) { static_cast<Poll*>(poll)->close(); }
  static void on_closed(uv_handle_s* handle) {
    auto* poll = static_cast<Poll*>(uv_handle_get_data(handle));
    std::free(handle);
    napi_async_cleanup_hook_handle hook = poll->hook_;
    {
      Napi::HandleScope scope(poll->env_);
      delete poll;
    }
    napi_remove_async_cleanup_hook(hook);
  }

  Napi::Env env_;
  Napi::FunctionReference callback_;
  Napi::AsyncContext context_;
  uv_handle_s* handle_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  Addon::Place place_;
  bool is_open_ = true;
};

Poll& poll_in(const Napi::CallbackInfo& info) { return *info[0].As<Napi::External<Poll>>().Data(); }

Napi::Value make(const Napi::CallbackInfo& info, int fd) {
  auto* poll = new Poll(info.Env(), fd, info[1].As<Napi::Function>(), info[2].As<Napi::Object>());
  return Napi::External<Poll>::New(info.Env(), poll);
}

// (subscriber, callback, resource)
Napi::Value open_for_subscriber(const Napi::CallbackInfo& info) {
  int fd = -1;
  polybus_error error{};
  check(info.Env(), polybus_subscriber_fd(Box<polybus_subscriber>::in(info).get(info.Env()), &fd, &error), error);
  return make(info, fd);
}

Napi::Value open_for_watch(const Napi::CallbackInfo& info) {
  int fd = -1;
  polybus_error error{};
  check(info.Env(), polybus_watch_fd(Box<polybus_watch>::in(info).get(info.Env()), &fd, &error), error);
  return make(info, fd);
}

Napi::Value start(const Napi::CallbackInfo& info) {
  poll_in(info).start();
  return info.Env().Undefined();
}

Napi::Value stop(const Napi::CallbackInfo& info) {
  poll_in(info).stop();
  return info.Env().Undefined();
}

Napi::Value ref(const Napi::CallbackInfo& info) {
  poll_in(info).ref(info[1].As<Napi::Boolean>().Value());
  return info.Env().Undefined();
}

// Once; the External is dead afterwards.
Napi::Value close(const Napi::CallbackInfo& info) {
  poll_in(info).close();
  return info.Env().Undefined();
}

}  // namespace

void export_polls(Napi::Env env, Napi::Object exports) {
  add(env, exports, "pollSubscriber", open_for_subscriber);
  add(env, exports, "pollWatch", open_for_watch);
  add(env, exports, "pollStart", start);
  add(env, exports, "pollStop", stop);
  add(env, exports, "pollRef", ref);
  add(env, exports, "pollClose", close);
}

}  // namespace polybus_js

// What has to wait, in the thread pool of libuv: publishing to subscribers that asked to block, waiting for subscribers.
//
// A wait takes a thread for one slice at a time and then queues behind the other work there. So a wait without end starves
// nobody (the pool has four threads, and file access needs them too), notices that it is cancelled, and never holds up the
// end of the process, which joins these threads.
#include <algorithm>
#include <atomic>
#include <chrono>

#include "args.hpp"
#include "box.hpp"
#include "draft.hpp"
#include "exports.hpp"

namespace polybus_js {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int64_t kSliceMs = 50;

class Wait : public Open {
 public:
  // `timeout_ms` < 0: for ever.
  Wait(Napi::Env env, std::shared_ptr<polybus_publisher> publisher, int64_t timeout_ms)
      : publisher_(std::move(publisher)),
        env_(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        is_endless_(timeout_ms < 0),
        deadline_(Clock::now() + std::chrono::milliseconds(std::max<int64_t>(timeout_ms, 0))) {
    napi_value name = Napi::String::New(env, "polybus");
    if (napi_create_async_work(env, nullptr, name, on_execute, on_complete, this, &work_) != napi_ok)
      throw Napi::Error::New(env);
    place_ = Addon::of(env).add(this);
  }
  ~Wait() override { napi_delete_async_work(env_, work_); }
  static Wait& in(const Napi::CallbackInfo& info) { return *info[0].As<Napi::External<Wait>>().Data(); }

  // Hands itself over to the pool. {promise, wait}: the wait may be cancelled until the promise is settled.
  Napi::Value begin() {
    Napi::Object result = Napi::Object::New(env_);
    result.Set("promise", deferred_.Promise());
    result.Set("wait", Napi::External<Wait>::New(env_, this));
    napi_queue_async_work(env_, work_);
    return result;
  }
  void cancel() noexcept { cancelled_ = true; }
  void close() noexcept override { cancel(); }  // at the environment's end; the work then ends by itself

 protected:
  // In the pool, for at most `timeout_ms`. True: there is a result, code_ and error_ say which.
  virtual bool try_for(int64_t timeout_ms) = 0;
  // Back on the environment's thread, once. Not called when the environment is ending.
  virtual Napi::Value result() = 0;
  // The same, whatever comes: gives back what was taken.
  virtual void finish() noexcept {}

  std::shared_ptr<polybus_publisher> publisher_;
  Napi::Env env_;
  int code_ = POLYBUS_OK;
  polybus_error error_{};

 private:
  static void on_execute(napi_env, void* data) {
    auto& wait = *static_cast<Wait*>(data);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wait.deadline_ - Clock::now()).count();
    const int64_t slice = wait.is_endless_ ? kSliceMs : std::clamp<int64_t>(left, 0, kSliceMs);
    if (wait.cancelled_) {
      wait.done_ = true;
      return;
    }
    wait.done_ = wait.try_for(slice) || (!wait.is_endless_ && Clock::now() >= wait.deadline_);
  }
  static void on_complete(napi_env env, napi_status, void* data) {
    auto* wait = static_cast<Wait*>(data);
    if (!wait->done_ && !wait->cancelled_ && napi_queue_async_work(env, wait->work_) == napi_ok) return;
    Napi::HandleScope scope(env);
    wait->settle();
    delete wait;
  }
  void settle() {
    Addon& addon = Addon::of(env_);
    addon.remove(place_);
    if (cancelled_ && code_ == POLYBUS_TIMEOUT) code_ = POLYBUS_OK;  // the last slice's, which nobody asked about
    if (!addon.is_closed()) {
      try {
        if (code_ == POLYBUS_OK) {
          deferred_.Resolve(result());
        } else {
          deferred_.Reject(make_error(env_, code_, error_.message));
        }
      } catch (const Napi::Error&) {
        // JavaScript has ended meanwhile: nobody waits for the promise.
      }
    }
    finish();
  }

  napi_async_work work_ = nullptr;
  Napi::Promise::Deferred deferred_;
  const bool is_endless_;
  const Clock::time_point deadline_;
  std::atomic<bool> cancelled_{false};
  bool done_ = false;
  Addon::Place place_;
};

// Resolves with whether they came; a cancelled one with false.
class SubscribersWait final : public Wait {
 public:
  SubscribersWait(Napi::Env env, std::shared_ptr<polybus_publisher> publisher, uint32_t count, int64_t timeout_ms)
      : Wait(env, std::move(publisher), timeout_ms), count_(count) {}

 private:
  bool try_for(int64_t timeout_ms) override {
    code_ = polybus_publisher_wait_for_subscribers(publisher_.get(), count_, timeout_ms, &reached_, &error_);
    return code_ != POLYBUS_OK || reached_ != 0;
  }
  Napi::Value result() override { return Napi::Boolean::New(env_, reached_ != 0); }

  const uint32_t count_;
  int reached_ = 0;
};

// Resolves with the sequence, or with null if it was cancelled and nothing was sent.
class PublishWait final : public Wait {
 public:
  PublishWait(Napi::Env env, std::shared_ptr<polybus_publisher> publisher, Draft& draft, Napi::Value external,
              size_t size, int64_t timeout_ms)
      : Wait(env, std::move(publisher), timeout_ms),
        draft_(draft),
        handle_(draft.get(env)),
        external_(Napi::Persistent(external.As<Napi::External<Draft>>())),
        size_(size) {
    draft.busy = true;
    draft.detach(env);  // nobody must write while it may be on its way
  }

 private:
  bool try_for(int64_t timeout_ms) override {
    code_ = polybus_draft_publish(handle_, size_, timeout_ms, &sequence_, &error_);
    if (code_ == POLYBUS_OK) sent_ = true;
    return code_ != POLYBUS_TIMEOUT;
  }
  Napi::Value result() override { return sent_ ? big(env_, sequence_) : Napi::Value(env_.Null()); }
  void finish() noexcept override {
    draft_.busy = false;
    if (sent_) {
      draft_.forget();
    } else {
      draft_.close();
    }
  }

  Draft& draft_;
  polybus_draft* const handle_;
  Napi::Reference<Napi::External<Draft>> external_;  // keeps the draft
  const size_t size_;
  uint64_t sequence_ = 0;
  bool sent_ = false;
};

// (publisher, count, timeout)
Napi::Value wait_for_subscribers(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto& publisher = Box<polybus_publisher>::in(info).share(env);
  return (new SubscribersWait(env, publisher, static_cast<uint32_t>(int_at(info, 1)), int_at(info, 2)))->begin();
}

// (publisher, draft, size, timeout)
Napi::Value publish(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto& publisher = Box<polybus_publisher>::in(info).share(env);
  auto* wait = new PublishWait(env, publisher, Draft::in(info, 1), info[1], static_cast<size_t>(number_at(info, 2)),
                               int_at(info, 3));
  return wait->begin();
}

Napi::Value cancel(const Napi::CallbackInfo& info) {
  Wait::in(info).cancel();
  return info.Env().Undefined();
}

}  // namespace

void export_work(Napi::Env env, Napi::Object exports) {
  add(env, exports, "waitForSubscribers", wait_for_subscribers);
  add(env, exports, "draftPublishAsync", publish);
  add(env, exports, "waitCancel", cancel);
}

}  // namespace polybus_js

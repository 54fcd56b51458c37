// Memory on loan, as an ArrayBuffer that ends with the loan.
#pragma once

#include <atomic>
#include <memory>

#include "addon.hpp"

namespace polybus_js {

// The views a program has of a loan would lead into a message that others read by now, or into the next one: publishing
// and discarding detach the buffer first, after which they are empty.
class Draft final : public Open {
 public:
  Draft(Addon& addon, std::shared_ptr<polybus_publisher> publisher, polybus_draft* draft);
  ~Draft() override;
  static Draft& in(const Napi::CallbackInfo& info, size_t index = 0) {
    return *info[index].As<Napi::External<Draft>>().Data();
  }

  polybus_draft* get(Napi::Env env) const;
  Napi::Value make_buffer(Napi::Env env);
  // Before the memory is handed on, on the environment's thread.
  void detach(Napi::Env env);
  // It was published: nothing is ours any more.
  void forget() noexcept;
  void close() noexcept override;

  std::atomic<bool> busy{false};  // work in the thread pool uses it

 private:
  Addon& addon_;
  std::shared_ptr<polybus_publisher> publisher_;  // lends the memory, so it stays
  polybus_draft* draft_;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
  Addon::Place place_;
};

}  // namespace polybus_js

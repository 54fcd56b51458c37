#include "draft.hpp"

#include <utility>

#include "args.hpp"
#include "box.hpp"
#include "exports.hpp"

namespace polybus_js {

Draft::Draft(Addon& addon, std::shared_ptr<polybus_publisher> publisher, polybus_draft* draft)
    : addon_(addon), publisher_(std::move(publisher)), draft_(draft), place_(addon.add(this)) {}

Draft::~Draft() {
  // The environment may be ending, where references must not be touched.
  buffer_.SuppressDestruct();
  close();
}

polybus_draft* Draft::get(Napi::Env env) const {
  if (draft_ == nullptr) raise(env, POLYBUS_CLOSED, "this draft was published or discarded before");
  if (busy) raise(env, POLYBUS_INVALID_ARGUMENT, "this draft is being published");
  return draft_;
}

Napi::Value Draft::make_buffer(Napi::Env env) {
  size_t capacity = 0;
  void* data = polybus_draft_data(draft_, &capacity);
  napi_value value = nullptr;
  const napi_status status = napi_create_external_arraybuffer(env, data, capacity, nullptr, nullptr, &value);
  if (status == napi_no_external_buffers_allowed)
    raise(env, POLYBUS_INTERNAL, "this runtime (Electron, say) forbids memory that is not its own; Polybus needs it");
  if (status != napi_ok) throw Napi::Error::New(env);
  buffer_ = Napi::Weak(Napi::ArrayBuffer(env, value));
  return buffer_.Value();
}

void Draft::detach(Napi::Env env) {
  if (buffer_.IsEmpty()) return;
  napi_value buffer = nullptr;
  if (napi_get_reference_value(env, buffer_, &buffer) == napi_ok && buffer != nullptr)
    napi_detach_arraybuffer(env, buffer);
  buffer_.Reset();
}

void Draft::forget() noexcept {
  if (std::exchange(draft_, nullptr) == nullptr) return;
  addon_.remove(place_);
  publisher_.reset();
}

void Draft::close() noexcept {
  if (busy) return;  // the work that uses it closes it
  polybus_draft* const draft = draft_;
  forget();
  if (draft != nullptr) polybus_draft_discard(draft);
}

namespace {

// (publisher, size) → {draft, buffer}
Napi::Value loan(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto& publisher = Box<polybus_publisher>::in(info).share(env);
  polybus_error error{};
  polybus_draft* loaned = nullptr;
  check(env, polybus_publisher_loan_frame(publisher.get(), static_cast<size_t>(number_at(info, 1)), &loaned, &error),
        error);
  auto draft = std::make_unique<Draft>(Addon::of(env), publisher, loaned);
  Napi::Object result = Napi::Object::New(env);
  result.Set("buffer", draft->make_buffer(env));
  result.Set("draft", Napi::External<Draft>::New(env, draft.get(), [](Napi::Env, Draft* unused) { delete unused; }));
  (void)draft.release();
  return result;
}

// (draft, size) → sequence
Napi::Value publish(const Napi::CallbackInfo& info) {
  Draft& draft = Draft::in(info);
  uint64_t sequence = 0;
  polybus_error error{};
  const auto size = static_cast<size_t>(number_at(info, 1));
  check(info.Env(), polybus_draft_publish(draft.get(info.Env()), size, 0, &sequence, &error), error);
  draft.detach(info.Env());
  draft.forget();
  return big(info.Env(), sequence);
}

Napi::Value discard(const Napi::CallbackInfo& info) {
  Draft& draft = Draft::in(info);
  (void)draft.get(info.Env());
  draft.detach(info.Env());
  draft.close();
  return info.Env().Undefined();
}

}  // namespace

void export_drafts(Napi::Env env, Napi::Object exports) {
  add(env, exports, "draftLoan", loan);
  add(env, exports, "draftPublish", publish);
  add(env, exports, "draftDiscard", discard);
}

}  // namespace polybus_js

// Samples: their memory, their schema, their end.
#include "args.hpp"
#include "box.hpp"
#include "exports.hpp"

namespace polybus_js {
namespace {

polybus_sample* sample_at(const Napi::CallbackInfo& info) {
  polybus_sample* sample = Addon::of(info.Env()).samples.at(static_cast<size_t>(number_at(info, 0)));
  if (sample == nullptr) raise(info.Env(), POLYBUS_CLOSED, "this sample was released");
  return sample;
}

Napi::Value release(const Napi::CallbackInfo& info) {
  Addon::of(info.Env()).samples.release(static_cast<size_t>(number_at(info, 0)));
  return info.Env().Undefined();
}

// {buffer, begin}: the memory around a sample. `begin` is its place in the mapping.
Napi::Value memory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const Extents::View view = Addon::of(env).extents.view(env, sample_at(info));
  Napi::Object result = Napi::Object::New(env);
  result.Set("buffer", view.buffer);
  result.Set("begin", static_cast<double>(view.begin));
  return result;
}

Napi::Value drop_left_memory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Array ids = Napi::Array::New(env);
  for (const uint64_t id : Addon::of(env).extents.drop_left(env)) ids.Set(ids.Length(), static_cast<double>(id));
  return ids;
}

Napi::Value schema(const Napi::CallbackInfo& info) {
  polybus_schema* found = polybus_sample_schema(sample_at(info));
  if (found == nullptr) return info.Env().Null();
  return Box<polybus_schema>::wrap(info.Env(), polybus_schema_retain(found), polybus_schema_release);
}

Napi::Value records(const Napi::CallbackInfo& info) { return Addon::of(info.Env()).records.buffer(info.Env()); }

// Where a buffer lies, for tests of what is copied and what is not.
Napi::Value address_of(const Napi::CallbackInfo& info) {
  const void* address = info[0].IsArrayBuffer() ? info[0].As<Napi::ArrayBuffer>().Data() : bytes_at(info, 0).data;
  return big(info.Env(), reinterpret_cast<uintptr_t>(address));
}

}  // namespace

void export_samples(Napi::Env env, Napi::Object exports) {
  add(env, exports, "sampleRelease", release);
  add(env, exports, "sampleMemory", memory);
  add(env, exports, "sampleSchema", schema);
  add(env, exports, "dropLeftMemory", drop_left_memory);
  add(env, exports, "records", records);
  add(env, exports, "addressOf", address_of);
}

}  // namespace polybus_js

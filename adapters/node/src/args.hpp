// Arguments of functions that lib/ alone calls: it has checked what programs gave, so types are taken for granted here.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

namespace polybus_js {

inline std::string text_at(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::String>().Utf8Value();
}
inline double number_at(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().DoubleValue();
}
inline int64_t int_at(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Int64Value();
}
inline bool is_given(const Napi::CallbackInfo& info, size_t index) {
  return !info[index].IsUndefined() && !info[index].IsNull();
}
inline Napi::Value big(Napi::Env env, uint64_t value) { return Napi::BigInt::New(env, value); }

struct Bytes {
  const void* data;
  size_t size;
};
inline Bytes bytes_at(const Napi::CallbackInfo& info, size_t index) {
  auto array = info[index].As<Napi::Uint8Array>();
  return {array.Data(), array.ByteLength()};
}

}  // namespace polybus_js

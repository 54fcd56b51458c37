#include "errors.hpp"

#include "addon.hpp"

namespace polybus_js {

Napi::Value make_error(Napi::Env env, int32_t code, const std::string& message) {
  return Addon::of(env).error_class.New(
      {Napi::String::New(env, polybus_code_name(code)), Napi::String::New(env, message)});
}

void raise(Napi::Env env, int32_t code, const std::string& message) {
  throw Napi::Error(env, make_error(env, code, message));
}

}  // namespace polybus_js

// Codes of the C interface become BusError, and arguments become values, in one place each.
#pragma once

#include <napi.h>
#include <polybus/polybus.h>

#include <string>

namespace polybus_js {

// Throws BusError.
[[noreturn]] void raise(Napi::Env env, int32_t code, const std::string& message);
// The error as a value, for promises.
Napi::Value make_error(Napi::Env env, int32_t code, const std::string& message);

inline void check(Napi::Env env, int code, const polybus_error& error) {
  if (code != POLYBUS_OK) raise(env, code, error.message);
}
// As check(), where EMPTY is an answer: true if there is something.
inline bool check_found(Napi::Env env, int code, const polybus_error& error) {
  if (code == POLYBUS_EMPTY) return false;
  check(env, code, error);
  return true;
}

}  // namespace polybus_js

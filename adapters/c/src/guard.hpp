// The wall between exceptions and C: every function of the C interface runs inside guarded().
#pragma once

#include <polybus/polybus.h>

#include <polybus/error.hpp>
#include <string>
#include <string_view>
#include <type_traits>

namespace polybus::c {

// Fills `err` (which may be NULL) and returns the code. The text is cut at a whole UTF-8 character.
int fail(polybus_error* err, Code code, std::string_view message) noexcept;

// Turns the exception being handled into a code. Call in a catch block only.
int fail_with_current_exception(polybus_error* err) noexcept;

// Runs `body`, which returns void, or a code of its own such as POLYBUS_EMPTY.
template <typename Body>
int guarded(polybus_error* err, Body&& body) noexcept {
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      return POLYBUS_OK;
    } else {
      return static_cast<int>(body());
    }
  } catch (...) {
    return fail_with_current_exception(err);
  }
}

// The caller must have given this pointer.
inline void require(const void* pointer, const char* name) {
  if (pointer == nullptr) throw Error(Code::invalid_argument, std::string(name) + " must not be NULL");
}

}  // namespace polybus::c

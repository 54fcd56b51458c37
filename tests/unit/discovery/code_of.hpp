// The code of the error that a call ends with, and its text.
#pragma once

#include <polybus/error.hpp>
#include <string>

namespace polybus::discovery::testing_support {

template <typename F>
Code code_of(F&& call, std::string* message = nullptr) {
  try {
    call();
  } catch (const Error& e) {
    if (message != nullptr) *message = e.what();
    return e.code();
  }
  return Code::ok;
}

}  // namespace polybus::discovery::testing_support

// The wall between kj's exceptions and ours: none of kj's leaves bus/message.
#pragma once

#include <kj/exception.h>

#include <polybus/error.hpp>
#include <string>
#include <utility>

namespace polybus::bus {

// What went wrong, without kj's "expected <C++ expression>; " in front.
std::string describe(const kj::Exception& exception);

// Runs `body`; what kj throws becomes polybus::Error(code, prefix + text).
template <typename Body>
decltype(auto) translate_kj(Code code, const char* prefix, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const kj::Exception& exception) {
    throw Error(code, prefix + describe(exception));
  }
}

}  // namespace polybus::bus

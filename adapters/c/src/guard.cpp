#include "adapters/c/src/guard.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>

namespace polybus::c {

int fail(polybus_error* err, Code code, std::string_view message) noexcept {
  if (err != nullptr) {
    size_t size = std::min(message.size(), sizeof err->message - 1);
    if (size < message.size()) {
      while (size > 0 && (static_cast<unsigned char>(message[size]) & 0xc0) == 0x80) --size;
    }
    err->code = static_cast<int32_t>(code);
    std::memcpy(err->message, message.data(), size);
    err->message[size] = '\0';
  }
  return static_cast<int>(code);
}

int fail_with_current_exception(polybus_error* err) noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return fail(err, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return fail(err, Code::no_memory, "out of memory");
  } catch (const std::exception& exception) {
    return fail(err, Code::internal, exception.what());
  } catch (...) {
    return fail(err, Code::internal, "an exception of unknown type");
  }
}

}  // namespace polybus::c

// The one error type of Polybus, and Result<T> for those who would rather not throw.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#define POLYBUS_API __attribute__((visibility("default")))

namespace polybus {

// One list, one meaning, in every language. The numbers are those of polybus_code in <polybus/polybus.h>.
enum class Code : int32_t {
  ok = 0,
  empty = 1,
  timeout = 2,
  invalid_argument = 3,
  invalid_topic = 4,
  no_bus = 5,
  disconnected = 6,
  version_mismatch = 7,
  bad_schema = 8,
  schema_mismatch = 9,
  bad_message = 10,
  too_large = 11,
  no_memory = 12,
  too_many_loans = 13,
  too_many_samples = 14,
  limit = 15,
  exclusive = 16,
  permission = 17,
  closed = 18,
  forked = 19,
  io = 20,
  internal = 21,
  interrupted = 22,  // a signal handler ran while waiting; never thrown by the plain verbs
};

// "NO_BUS"; "UNKNOWN" for a value that is none of the above.
POLYBUS_API std::string_view code_name(Code code) noexcept;

// What cannot go on. The message names the thing, the bound and the remedy.
class POLYBUS_API Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Code code() const noexcept { return code_; }

 private:
  Code code_;
};

// A value or an Error, with std::expected's names (which g++ 12 does not have in C++20).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return content_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  // value() throws the error that is there instead.
  T& value() & {
    if (!has_value()) throw std::get<1>(content_);
    return std::get<0>(content_);
  }
  T&& value() && { return std::move(static_cast<Result&>(*this).value()); }
  T& operator*() & { return std::get<0>(content_); }
  T* operator->() { return &std::get<0>(content_); }
  const Error& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (error_) throw *error_;
  }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace polybus

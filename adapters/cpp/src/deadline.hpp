// A point in time until which to wait, made of a Timeout.
#pragma once

#include <chrono>
#include <polybus/options.hpp>

namespace polybus::detail {

class Deadline {
 public:
  explicit Deadline(Timeout timeout) noexcept
      : endless_(timeout < Timeout::zero() || timeout > kLongest),
        at_(endless_ ? Clock::time_point() : Clock::now() + timeout) {}

  // Zero when it has passed, negative when there is none.
  Timeout left() const noexcept {
    if (endless_) return Timeout(-1);
    const auto left = std::chrono::duration_cast<Timeout>(at_ - Clock::now());
    return left > Timeout::zero() ? left : Timeout::zero();
  }
  bool passed() const noexcept { return !endless_ && left() == Timeout::zero(); }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr Timeout kLongest = std::chrono::hours(24 * 365);  // more would overflow somewhere

  bool endless_;
  Clock::time_point at_;
};

// For waits that count in milliseconds: rounded up, so that a short wait does not become none.
inline std::chrono::milliseconds in_milliseconds(Timeout timeout) noexcept {
  if (timeout < Timeout::zero() || timeout > std::chrono::hours(24 * 365)) return std::chrono::milliseconds(-1);
  return std::chrono::ceil<std::chrono::milliseconds>(timeout);
}

}  // namespace polybus::detail

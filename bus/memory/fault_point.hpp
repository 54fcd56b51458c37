// Steps at which tests stop or kill the process (tests/fault). In the product there is nothing of them.
#pragma once

#ifdef POLYBUS_FAULT_POINTS
#include <atomic>
#endif

namespace polybus::bus {

#ifdef POLYBUS_FAULT_POINTS
// What happens at each of them, in the fault tests' build; null: nothing. It may be called with any lock of this process held and
// from any thread.
using OnFaultPoint = void (*)(const char* name);
inline std::atomic<OnFaultPoint> on_fault_point{nullptr};

// Between two steps that others can see, or that a lock of this process holds together. `name`: area.what_has_just_happened.
inline void fault_point(const char* name) noexcept {
  if (const OnFaultPoint action = on_fault_point.load()) action(name);
}
#else
constexpr void fault_point(const char*) noexcept {}
#endif

}  // namespace polybus::bus

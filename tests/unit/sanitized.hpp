// Whether the tests run under a sanitizer, which takes signals, addresses, memory and descriptors for itself.
#pragma once

namespace polybus::testing_support {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif

}  // namespace polybus::testing_support

// The bounds of the bus. Each has a named error or a counted drop, a test, and a line in docs/limits.md.
#pragma once

#include <cstdint>

namespace polybus::bus {

inline constexpr uint32_t kQueueMax = 1024;  // messages waiting per connection
inline constexpr uint32_t kQueueDefault = 16;
inline constexpr uint32_t kHistoryMax = 64;  // kept values per topic
inline constexpr uint32_t kLoansMax = 64;    // drafts at once per publisher
inline constexpr uint32_t kHeldMax = 1024;   // samples held at once per subscriber
inline constexpr uint32_t kPublishersPerSubscriberMax = 1024;
inline constexpr uint32_t kTopicsMax = 4096;  // per bus
inline constexpr uint32_t kEndsMax = 16384;   // publishers + subscribers per bus
inline constexpr uint32_t kTopicBytesMax = 100;
inline constexpr uint32_t kNodeNameBytesMax = 64;
inline constexpr uint32_t kBusNameBytesMax = 64;
inline constexpr uint64_t kQuotaBytesDefault = 1ull << 30;
inline constexpr uint64_t kQuotaBytesMin = 1ull << 20;
inline constexpr uint64_t kMessageBytesMax = (4ull << 30) - (64 << 10);  // iceoryx counts chunk bytes in 32 bits

}  // namespace polybus::bus

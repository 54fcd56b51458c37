// What the opaque handles of nodes, ends, drafts and samples are.
#pragma once

#include <polybus/polybus.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "adapters/c/src/guard.hpp"
#include "adapters/cpp/src/draft_core.hpp"
#include "adapters/cpp/src/node_core.hpp"
#include "adapters/cpp/src/region_core.hpp"
#include "adapters/cpp/src/watch_core.hpp"

struct polybus_node {
  std::shared_ptr<polybus::detail::NodeCore> core;
};

struct polybus_publisher {
  std::shared_ptr<polybus::detail::PublisherCore> core;
};

struct polybus_draft {
  polybus::detail::DraftCore core;
};

struct polybus_subscriber {
  std::shared_ptr<polybus::detail::SubscriberCore> core;
};

struct polybus_region {
  polybus::detail::RegionCore core;
};

struct polybus_watch {
  std::shared_ptr<polybus::detail::WatchCore> core;
};

struct polybus_extent {
  std::shared_ptr<const polybus::bus::Extent> mapping;
};

// Counted by hand: one allocation and no virtual call per message.
struct polybus_sample {
  polybus_sample(polybus::bus::Sample message, std::shared_ptr<const polybus::detail::SampleOrigin> from) noexcept
      : origin(std::move(from)), received(std::move(message)) {}
  ~polybus_sample() { polybus_schema_release(schema.load(std::memory_order_acquire)); }

  std::atomic<uint32_t> owners{1};
  std::atomic<polybus_schema*> schema{nullptr};  // made when first asked for
  std::shared_ptr<const polybus::detail::SampleOrigin> origin;
  polybus::bus::Sample received;
};

namespace polybus::c {

inline Timeout timeout_of(int64_t timeout_ms) noexcept {
  constexpr int64_t kLongest = int64_t{1000} * 3600 * 24 * 365;  // longer is for ever; nanoseconds would overflow
  return timeout_ms < 0 || timeout_ms > kLongest ? Timeout(-1) : Timeout(std::chrono::milliseconds(timeout_ms));
}

// A string for the caller to give back with polybus_free().
char* duplicate(std::string_view text);

// Hands a sample out; POLYBUS_EMPTY if there is none.
int hand_out(detail::SubscriberCore& subscriber, bus::Sample received, polybus_sample** out);

// Options of a caller that was compiled against an older header are shorter: what it does not know keeps its default.
template <typename Options>
Options options_from(const Options* given, void (*init)(Options*)) {
  Options options;
  init(&options);
  if (given == nullptr) return options;
  if (given->struct_size < sizeof(size_t) || given->struct_size > 4096) {
    throw Error(Code::invalid_argument, "options: struct_size is " + std::to_string(given->struct_size) +
                                            "; call the options' _init function first");
  }
  std::memcpy(static_cast<void*>(&options), given, std::min(sizeof options, given->struct_size));
  return options;
}

}  // namespace polybus::c

// Handles to callbacks that run on a node's own thread.
#pragma once

#include <cstdint>
#include <memory>
#include <polybus/error.hpp>
#include <polybus/subscriber.hpp>
#include <string>

namespace polybus {

namespace detail {
class Listening;
}

// A callback that is being called. Dropping the handle changes nothing: the callback goes on until close() or until its
// node is closed. An exception in a callback is logged (POLYBUS_LOG) and the next call follows as usual.
class POLYBUS_API Listener {
 public:
  // No call begins after this returns, and none is running, except the one this is called from. Idempotent.
  void close() noexcept;

  // For the library's own use.
  explicit Listener(std::shared_ptr<detail::Listening> core) noexcept;

 private:
  std::shared_ptr<detail::Listening> core_;
};

// The callback of a subscriber.
class POLYBUS_API Subscription : public Listener {
 public:
  const std::string& topic() const noexcept;
  uint64_t lost() const;
  SubscriberStats stats() const;

  // For the library's own use.
  Subscription(std::shared_ptr<detail::Listening> listening,
               std::shared_ptr<detail::SubscriberCore> subscriber) noexcept;

 private:
  std::shared_ptr<detail::SubscriberCore> subscriber_;
};

}  // namespace polybus

// The receiving end of a topic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <polybus/error.hpp>
#include <polybus/options.hpp>
#include <polybus/sample.hpp>
#include <polybus/schema.hpp>
#include <string>
#include <utility>

namespace polybus {

namespace detail {
class SubscriberCore;
}

struct SubscriberStats {
  uint64_t taken = 0;
  uint64_t lost = 0;        // dropped because the queue was full, and what passed while the registry was away
  uint32_t queued = 0;      // waiting to be taken
  uint32_t held = 0;        // samples the program holds
  uint32_t publishers = 0;  // attached now
};

// What subscribers of every type have. Moves; closed when dropped. Samples taken stay valid. Usable from any thread; several
// threads that take share the messages.
class POLYBUS_API SubscriberBase {
 public:
  SubscriberBase(SubscriberBase&&) noexcept;
  SubscriberBase& operator=(SubscriberBase&&) noexcept;
  ~SubscriberBase();

  const std::string& topic() const noexcept;
  // The topic's schema as the registry knows it; none: untyped, or no publisher yet.
  std::optional<Schema> schema() const;

  // True when there is something to take, false when that took longer than `timeout`. Throws Error(closed), FORKED.
  bool wait(Timeout timeout) const;
  // One descriptor, readable while samples wait, for any event loop; take until there is nothing, which arms it again.
  // Owned by the subscriber. Throws Error(disconnected), LIMIT, CLOSED, FORKED.
  int fd() const;
  // Messages this subscriber should have seen and did not.
  uint64_t lost() const;
  SubscriberStats stats() const;
  // Ends the subscriber; idempotent. Whoever waits gets CLOSED.
  void close() noexcept;

  // For the library's own use.
  explicit SubscriberBase(std::shared_ptr<detail::SubscriberCore> core) noexcept;

 protected:
  using CorePointer = std::shared_ptr<const detail::SampleCore>;
  CorePointer take_core(Timeout timeout) const;
  CorePointer latest_core() const;
  Timeout idle_timeout() const noexcept;

 private:
  std::shared_ptr<detail::SubscriberCore> core_;
};

// A subscriber to messages of type T: a struct of generated code, or Dynamic (any topic, also an untyped one: data()).
template <typename T>
class Subscriber : public SubscriberBase {
 public:
  using SubscriberBase::SubscriberBase;

  // The oldest message that has arrived, or nothing. Never waits.
  //   throws   Error(too_many_samples): 1,024 are held, nothing is lost by it; CLOSED, FORKED
  Taken<T> take() { return take(Timeout(0)); }
  // The same, waiting for one up to `timeout`.
  Taken<T> take(Timeout timeout) { return Taken<T>(take_core(timeout)); }
  Result<Taken<T>> try_take(Timeout timeout = Timeout(0)) {
    return attempt([&] { return take(timeout); });
  }
  // The newest message that has arrived, taken or not, or nothing before the first. Consumes nothing.
  Taken<T> latest() { return Taken<T>(latest_core()); }
  Result<Taken<T>> try_latest() {
    return attempt([&] { return latest(); });
  }

  // for (const auto& sample : subscriber): takes until SubscriberOptions::timeout passes without a message.
  class Iterator {
   public:
    using value_type = Sample<T>;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(Subscriber& from) : from_(&from) { ++*this; }
    const Sample<T>& operator*() const noexcept { return *current_; }
    Iterator& operator++() {
      current_.reset();  // before the wait: it may be the memory the publisher needs
      current_ = from_->take(from_->idle_timeout());
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !current_.has_value(); }

   private:
    Subscriber* from_;
    Taken<T> current_;
  };
  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  template <typename Body>
  static Result<Taken<T>> attempt(Body&& body) {
    try {
      return body();
    } catch (const Error& error) {
      return error;
    }
  }
};

}  // namespace polybus

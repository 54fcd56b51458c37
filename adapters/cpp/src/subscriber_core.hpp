// A subscriber, as the C++ and the C interface share it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <polybus/options.hpp>
#include <polybus/schema.hpp>
#include <polybus/subscriber.hpp>
#include <string>
#include <vector>

#include "adapters/cpp/src/fork_check.hpp"
#include "adapters/cpp/src/sample_core.hpp"
#include "discovery/client/session.hpp"

namespace polybus::detail {

class SubscriberCore {
 public:
  SubscriberCore(std::shared_ptr<discovery::SubscriberEnd> end, std::string topic, const SubscriberOptions& options);
  ~SubscriberCore();

  const std::string& topic() const noexcept { return topic_; }
  Timeout idle_timeout() const noexcept { return idle_timeout_; }
  std::optional<Schema> schema() const;

  // The oldest arrival or null. A signal ends the wait only where the caller asks to be told.
  bus::Sample take(Timeout timeout, bool* interrupted = nullptr);
  bus::Sample latest() { return port().latest(); }
  // Waited::closed is thrown as CLOSED.
  bus::Waited wait(Timeout timeout, bool stop_at_signals);
  int fd();
  SubscriberStats stats() const;
  uint64_t lost() const { return port().lost(); }
  void close() noexcept;

  // What a sample of this subscriber is wrapped with.
  std::shared_ptr<const SampleOrigin> origin_of(const bus::Received& received);
  std::shared_ptr<const SampleCore> wrap(bus::Sample received);

 private:
  bus::SubscriberPort& port() const {
    fork_.check();
    return *port_;
  }
  std::shared_ptr<const SampleOrigin> find_origin(uint64_t prefix);

  ForkCheck fork_;
  std::shared_ptr<discovery::SubscriberEnd> end_;
  bus::SubscriberPort* const port_;
  const std::string topic_;
  const Timeout idle_timeout_;
  std::atomic<const SampleOrigin*> current_{nullptr};  // of the newest sample; one of origins_
  std::mutex origins_mutex_;
  std::vector<std::shared_ptr<const SampleOrigin>> origins_;  // only ever grows: one per schema seen
};

}  // namespace polybus::detail

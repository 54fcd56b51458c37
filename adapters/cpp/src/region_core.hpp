// A region, as the C++ and the C interface share it.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "adapters/cpp/src/node_core.hpp"

namespace polybus::detail {

// An untyped topic with one kept value. The subscriber is there from the start, so that read() never waits; the publisher,
// which costs memory, comes with the first write.
class RegionCore {
 public:
  RegionCore(std::shared_ptr<NodeCore> node, const std::string& name, size_t size_max);

  const std::string& name() const noexcept { return subscriber_->topic(); }
  size_t size_max() const noexcept { return size_max_; }
  void write(std::span<const std::byte> value);
  bus::Sample read() { return subscriber_->latest(); }
  SubscriberCore& subscriber() noexcept { return *subscriber_; }
  void close() noexcept;

 private:
  std::shared_ptr<PublisherCore> publisher();

  ForkCheck fork_;
  const size_t size_max_;
  std::shared_ptr<NodeCore> node_;
  std::shared_ptr<SubscriberCore> subscriber_;
  std::mutex mutex_;
  std::shared_ptr<PublisherCore> publisher_;
  bool closed_ = false;
};

}  // namespace polybus::detail

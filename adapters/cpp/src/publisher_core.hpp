// A publisher, as the C++ and the C interface share it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <polybus/options.hpp>
#include <polybus/publisher.hpp>
#include <polybus/schema.hpp>
#include <span>
#include <string>

#include "adapters/cpp/src/fork_check.hpp"
#include "discovery/client/session.hpp"

namespace polybus::detail {

class PublisherCore {
 public:
  PublisherCore(std::shared_ptr<discovery::PublisherEnd> end, std::string topic, const PublisherOptions& options);
  ~PublisherCore();

  const std::string& topic() const noexcept { return topic_; }
  const std::optional<Schema>& schema() const noexcept { return schema_; }
  Timeout timeout() const noexcept { return timeout_; }

  uint64_t publish_bytes(std::span<const std::byte> bytes, Timeout timeout);
  bool wait_for_subscribers(uint32_t count, Timeout timeout);
  PublisherStats stats() const;
  void close() noexcept;

  // The port, after a look whether this is still the process it was made in.
  bus::PublisherPort& port() const {
    fork_.check();
    return *port_;
  }
  // How large the next typed message may become: as the last one was.
  uint64_t expected_bytes() const noexcept { return expected_bytes_.load(std::memory_order_relaxed); }
  void expect_bytes(uint64_t bytes) noexcept { expected_bytes_.store(bytes, std::memory_order_relaxed); }

 private:
  ForkCheck fork_;
  std::shared_ptr<discovery::PublisherEnd> end_;
  bus::PublisherPort* const port_;
  const std::string topic_;
  const std::optional<Schema> schema_;
  const Timeout timeout_;
  const uint64_t quota_bytes_;
  std::atomic<uint64_t> expected_bytes_{512};
};

}  // namespace polybus::detail

// A draft, as the C++ and the C interface share it: memory on loan and, on typed topics, the message growing in it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <polybus/options.hpp>
#include <span>

#include "adapters/cpp/src/publisher_core.hpp"
#include "bus/message/chunk_builder.hpp"

namespace polybus::detail {

// What the caller wants to fill: what the topic has, or the payload's bytes, a whole frame where the topic is typed.
enum class DraftContent { by_topic, bytes };

class DraftCore {
 public:
  // `size`: payload bytes. A hint where a message is built, where 0 means: as the messages before.
  DraftCore(std::shared_ptr<PublisherCore> publisher, uint64_t size, DraftContent content = DraftContent::by_topic);
  ~DraftCore();
  DraftCore(const DraftCore&) = delete;
  DraftCore& operator=(const DraftCore&) = delete;

  const PublisherCore& publisher() const noexcept { return *publisher_; }
  bool typed() const noexcept { return builder_.has_value(); }
  // Where a message is built.
  bus::ChunkBuilder& builder() noexcept { return *builder_; }
  capnp::StructSchema struct_schema() const noexcept { return publisher_->schema()->struct_schema(); }
  // Elsewhere.
  std::span<std::byte> bytes() noexcept { return {loan_.data(), loan_.capacity()}; }

  // Returns the sequence. After an error nothing was sent and everything is as before.
  uint64_t publish(uint64_t size, Timeout timeout);

 private:
  uint64_t publish_message(Timeout timeout);

  ForkCheck fork_;
  std::shared_ptr<PublisherCore> publisher_;
  bus::Loan loan_;
  std::optional<bus::ChunkBuilder> builder_;  // in the loan's memory, so it goes first
};

}  // namespace polybus::detail

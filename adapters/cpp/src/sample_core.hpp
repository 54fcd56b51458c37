// What the copies of a sample share.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <polybus/sample.hpp>
#include <polybus/schema.hpp>
#include <string>
#include <utility>

#include "bus/message/frame.hpp"
#include "bus/transport/subscriber_port.hpp"

namespace polybus::detail {

// Where samples come from: what all samples of one subscriber with one schema have in common. It owns no connection, so a
// sample that is kept for long keeps only its own memory.
struct SampleOrigin : std::enable_shared_from_this<SampleOrigin> {
  SampleOrigin(std::string topic_name, uint64_t prefix, std::optional<Schema> known)
      : topic(std::move(topic_name)), schema_prefix(prefix), schema(std::move(known)) {}

  const std::string topic;
  const uint64_t schema_prefix;  // 0: untyped
  const std::optional<Schema> schema;
};

SampleInfo info_of(const bus::Received& received, const SampleOrigin& origin) noexcept;

class SampleCore {
 public:
  SampleCore(bus::Sample received, std::shared_ptr<const SampleOrigin> origin) noexcept
      : origin_(std::move(origin)), received_(std::move(received)) {}

  const bus::Received& received() const noexcept { return *received_; }
  const SampleOrigin& origin() const noexcept { return *origin_; }
  capnp::MessageReader& reader() const;

 private:
  std::shared_ptr<const SampleOrigin> origin_;
  bus::Sample received_;  // before the reader of its memory
  mutable std::once_flag once_;
  mutable std::optional<bus::Frame> frame_;
};

}  // namespace polybus::detail

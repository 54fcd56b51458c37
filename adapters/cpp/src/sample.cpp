// Samples: what was received, and where it lies.
#include <polybus/sample.hpp>

#include "adapters/cpp/src/sample_core.hpp"
#include "bus/message/json.hpp"

namespace polybus {

namespace detail {

SampleInfo info_of(const bus::Received& received, const SampleOrigin& origin) noexcept {
  const bus::MessageHeader& header = received.header();
  return {.topic = origin.topic,
          .seq = header.sequence,
          .publisher_id = header.publisher_id,
          .published_ns = header.published_realtime_ns,
          .published_monotonic_ns = header.published_monotonic_ns,
          .pid = header.publisher_pid,
          .typed = (header.flags & bus::MessageHeader::kTyped) != 0};
}

capnp::MessageReader& SampleCore::reader() const {
  std::call_once(once_, [this] {
    try {
      frame_.emplace(std::span(received_->payload(), received_->payload_bytes()));
    } catch (const Error& error) {
      throw Error(error.code(), "topic " + origin_->topic + ", message " +
                                    std::to_string(received_->header().sequence) + ": " + error.what());
    }
  });
  return *frame_;
}

}  // namespace detail

SampleInfo SampleBase::info() const noexcept { return detail::info_of(core_->received(), core_->origin()); }

std::span<const std::byte> SampleBase::data() const noexcept {
  return {core_->received().payload(), core_->received().payload_bytes()};
}

std::optional<Schema> SampleBase::schema() const { return core_->origin().schema; }

std::string SampleBase::to_json() const {
  (void)struct_schema();  // says why there is none
  return bus::to_json(*core_->origin().schema, data());
}

capnp::MessageReader& SampleBase::reader() const { return core_->reader(); }

capnp::StructSchema SampleBase::struct_schema() const {
  const detail::SampleOrigin& origin = core_->origin();
  if (origin.schema) return origin.schema->struct_schema();
  if (origin.schema_prefix == 0) {
    throw Error(Code::invalid_argument, "topic " + origin.topic + " is untyped: its samples have data(), no msg()");
  }
  throw Error(Code::bad_schema, "topic " + origin.topic + ": the registry has not told the schema of this message");
}

}  // namespace polybus

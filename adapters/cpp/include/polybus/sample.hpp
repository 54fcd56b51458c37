// A message that was received. It is read where the publisher built it; nothing is copied.
#pragma once

#include <capnp/dynamic.h>
#include <capnp/message.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <polybus/error.hpp>
#include <polybus/schema.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace polybus {

namespace detail {
class SampleCore;
}

// The message type of topics without a schema: bytes that only the programs understand.
struct Bytes {};
// The message type where the schema is known at run time only. Fields are read by name.
using Dynamic = capnp::DynamicStruct;

// What a message carries besides its bytes.
struct SampleInfo {
  std::string_view topic;               // lives as long as the sample
  uint64_t seq = 0;                     // from 1, per publisher, without gaps
  uint64_t publisher_id = 0;            // random, kept over restarts of busd
  uint64_t published_ns = 0;            // CLOCK_REALTIME
  uint64_t published_monotonic_ns = 0;  // CLOCK_MONOTONIC, for latencies
  uint32_t pid = 0;                     // of the publisher's process
  bool typed = false;
};

// What samples of every type have. Copies share the message: it stays readable, and its memory stays taken, until the last
// copy is gone, whatever becomes of the subscriber, the node, the publisher or the registry. At most 1,024 samples of one
// subscriber can be held at once. Immutable, so usable from any thread.
class POLYBUS_API SampleBase {
 public:
  SampleInfo info() const noexcept;
  // The whole payload, 8-byte aligned, read-only; lives as long as any copy of the sample. On a typed topic it is one
  // message in Cap'n Proto's stream framing.
  std::span<const std::byte> data() const noexcept;
  // What the message is read by: the subscriber's own schema, else the one it was published with; none on untyped topics.
  std::optional<Schema> schema() const;
  // The message as JSON text (docs/json.md).
  //   throws   Error(invalid_argument) on an untyped topic, Error(bad_schema) as Sample<Dynamic>::msg(), BAD_MESSAGE
  std::string to_json() const;

  // For the library's own use.
  explicit SampleBase(std::shared_ptr<const detail::SampleCore> core) noexcept : core_(std::move(core)) {}

 protected:
  // Made at the first call, shared by the copies. Throws Error(bad_message).
  capnp::MessageReader& reader() const;
  // Throws Error(invalid_argument) on an untyped topic, Error(bad_schema) if the registry never told the schema.
  capnp::StructSchema struct_schema() const;

 private:
  std::shared_ptr<const detail::SampleCore> core_;
};

// A message of type T: sample->getFrameId(), sample.msg(), sample.info().seq.
//   T   a struct of generated code, or Dynamic, or Bytes
template <typename T>
class Sample : public SampleBase {
 public:
  using SampleBase::SampleBase;
  using Reader = typename T::Reader;

  // The decoded message. It refers to the sample's memory: keep a copy of the sample for as long as you keep the reader.
  // Reading a field of a damaged message may throw kj::Exception later, as with every Cap'n Proto message.
  //   throws   Error(bad_message): the payload is no Cap'n Proto message
  Reader msg() const { return reader().template getRoot<T>(); }

  // What an arrow leads to: the message's fields, and the sample's own words beside them.
  struct View : Reader {
    const Sample& sample;
    View* operator->() noexcept { return this; }
    SampleInfo info() const noexcept { return sample.info(); }
    std::span<const std::byte> data() const noexcept { return sample.data(); }
    Reader msg() const { return *this; }
  };
  // sample->getFrameId(). Each arrow looks the root up anew (some 20 ns); keep msg() where that matters.
  View operator->() const { return View{msg(), *this}; }
};

// Any topic's message, by the schema the registry has: sample->msg().get("frameId").
template <>
class Sample<Dynamic> : public SampleBase {
 public:
  using SampleBase::SampleBase;

  //   throws   Error(invalid_argument): the topic is untyped, use data(); BAD_SCHEMA: the registry never told the schema;
  //            BAD_MESSAGE
  Dynamic::Reader msg() const {
    const capnp::StructSchema schema = struct_schema();  // first: untyped bytes need not be a message
    return reader().getRoot<Dynamic>(schema);
  }
  const Sample* operator->() const noexcept { return this; }
};

// Bytes have no fields; data() is all there is.
template <>
class Sample<Bytes> : public SampleBase {
 public:
  using SampleBase::SampleBase;

  const Sample* operator->() const noexcept { return this; }
};

// A sample or nothing: a std::optional whose arrow leads straight to the message.
//
//   while (auto sample = sub.take(1s)) use(sample->getFrameId(), sample->info().seq);
template <typename T>
class Taken : public std::optional<Sample<T>> {
 public:
  Taken() noexcept = default;
  explicit Taken(std::shared_ptr<const detail::SampleCore> core) {
    if (core) this->emplace(std::move(core));
  }

  auto operator->() const { return (**this).operator->(); }
  SampleInfo info() const noexcept { return (**this).info(); }
  std::span<const std::byte> data() const noexcept { return (**this).data(); }
  auto msg() const { return (**this).msg(); }
};

}  // namespace polybus

// The sending end of a topic.
#pragma once

#include <capnp/message.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <polybus/draft.hpp>
#include <polybus/error.hpp>
#include <polybus/options.hpp>
#include <polybus/schema.hpp>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace polybus {

namespace detail {
class PublisherCore;
}

struct PublisherStats {
  uint64_t sequence = 0;      // of the last message; 0: none yet
  uint64_t bytes = 0;         // published so far
  uint32_t subscribers = 0;   // attached now
  uint32_t loans = 0;         // drafts out now
  uint64_t memory_bytes = 0;  // in pools
  uint64_t quota_bytes = 0;
};

// What publishers of every type have. Moves; closed when dropped. Its kept values (`history`) stay on the bus. Usable from
// any thread; messages get their sequence in the order in which publish() was entered here.
class POLYBUS_API PublisherBase {
 public:
  PublisherBase(PublisherBase&&) noexcept;
  PublisherBase& operator=(PublisherBase&&) noexcept;
  ~PublisherBase();

  const std::string& topic() const noexcept;
  // None on an untyped topic.
  std::optional<Schema> schema() const;

  // Copies the bytes once, into shared memory, and sends them. On a typed topic they must be one message of the topic's
  // schema in Cap'n Proto's stream framing.
  //   returns  the sequence
  //   throws   Error(bad_message): the frame is broken, nothing was sent; TIMEOUT: a blocking subscriber, named, has no
  //            room; TOO_LARGE: larger than the quota; NO_MEMORY: names who holds it; TOO_MANY_LOANS, CLOSED, FORKED
  uint64_t publish_bytes(std::span<const std::byte> bytes);
  uint64_t publish_bytes(std::string_view text) { return publish_bytes(std::as_bytes(std::span(text))); }
  uint64_t publish(std::span<const std::byte> bytes) { return publish_bytes(bytes); }
  Result<uint64_t> try_publish_bytes(std::span<const std::byte> bytes);
  // Sends the message that a JSON text says (docs/json.md), on a typed topic: publish_json(R"({"frameId":"base"})").
  //   throws   as publish_bytes; Error(invalid_argument): not JSON, or not of the topic's type; it names the field's path,
  //            "hail[1].mm: expected UInt8, got string", and nothing was sent
  uint64_t publish_json(std::string_view json);

  // Waits until at least `count` subscribers are attached; false when that took longer than `timeout`.
  bool wait_for_subscribers(uint32_t count, Timeout timeout) const;
  PublisherStats stats() const;
  // Ends the publisher; idempotent. Drafts that are out can then only be discarded.
  void close() noexcept;

  // For the library's own use.
  explicit PublisherBase(std::shared_ptr<detail::PublisherCore> core) noexcept;

 protected:
  using Fill = void (*)(capnp::MessageBuilder& builder, capnp::StructSchema schema, void* context);
  uint64_t publish_filled(Fill fill, void* context);
  detail::DraftPointer loan_core(size_t size);

 private:
  std::shared_ptr<detail::PublisherCore> core_;
};

// A publisher of messages of type T: a struct of generated code, or Dynamic with a schema given at run time.
template <typename T>
class Publisher : public PublisherBase {
 public:
  using PublisherBase::publish;
  using PublisherBase::PublisherBase;
  using Builder = typename T::Builder;

  // Builds a message in shared memory and sends it: pub.publish([](Imu::Builder m) { m.setFrameId("base"); }). How much
  // memory it takes is learnt from the messages before; one that outgrows its loan is moved once.
  //   fill     called once, here; if it throws, nothing is sent and the exception goes on to the caller
  //   returns  the sequence
  //   throws   as publish_bytes, and whatever `fill` throws
  template <std::invocable<Builder> F>
  uint64_t publish(F&& fill) {
    return publish_filled(&run<std::remove_reference_t<F>>,
                          const_cast<void*>(static_cast<const void*>(std::addressof(fill))));
  }
  // The same; Polybus's own errors are returned, those of `fill` still thrown.
  template <std::invocable<Builder> F>
  Result<uint64_t> try_publish(F&& fill) {
    try {
      return publish(std::forward<F>(fill));
    } catch (const Error& error) {
      return error;
    }
  }

  // Memory on loan to build a message over several calls.
  //   size     payload bytes expected, a hint: what outgrows it is moved once. 0: as the messages before
  //   throws   Error(too_many_loans): 64 are out; TOO_LARGE, NO_MEMORY, CLOSED, FORKED
  Draft<T> loan(size_t size = 0) { return Draft<T>(loan_core(size)); }
  Result<Draft<T>> try_loan(size_t size = 0) {
    try {
      return loan(size);
    } catch (const Error& error) {
      return error;
    }
  }

 private:
  template <typename F>
  static void run(capnp::MessageBuilder& builder, capnp::StructSchema schema, void* context) {
    F& fill = *static_cast<F*>(context);
    if constexpr (std::is_same_v<T, Dynamic>) {
      fill(builder.template initRoot<Dynamic>(schema));
    } else {
      fill(builder.template initRoot<T>());
    }
  }
};

// A publisher of an untyped topic.
template <>
class Publisher<Bytes> : public PublisherBase {
 public:
  using PublisherBase::PublisherBase;

  // At least `size` bytes to be filled in place. Errors as above.
  Draft<Bytes> loan(size_t size) { return Draft<Bytes>(loan_core(size)); }
  Result<Draft<Bytes>> try_loan(size_t size) {
    try {
      return loan(size);
    } catch (const Error& error) {
      return error;
    }
  }
};

}  // namespace polybus

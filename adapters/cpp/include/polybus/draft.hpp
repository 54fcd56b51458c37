// A message being built in memory on loan from the bus.
#pragma once

#include <capnp/dynamic.h>
#include <capnp/message.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <polybus/error.hpp>
#include <polybus/options.hpp>
#include <polybus/sample.hpp>
#include <span>
#include <utility>

namespace polybus {

namespace detail {
class DraftCore;
struct POLYBUS_API DraftDeleter {
  void operator()(DraftCore* core) const noexcept;
};
using DraftPointer = std::unique_ptr<DraftCore, DraftDeleter>;
}  // namespace detail

// What drafts of every type have. A draft is published or discarded exactly once; dropping it discards it. It moves, and
// belongs to one thread at a time. It may outlive its publisher, but can then only be discarded (CLOSED).
class POLYBUS_API DraftBase {
 public:
  DraftBase(DraftBase&&) noexcept;
  DraftBase& operator=(DraftBase&&) noexcept;
  ~DraftBase();

  // False once published, discarded or moved from.
  explicit operator bool() const noexcept { return core_ != nullptr; }
  // Gives the memory back. Does nothing the second time.
  void discard() noexcept;

  // For the library's own use.
  explicit DraftBase(detail::DraftPointer core) noexcept;

 protected:
  capnp::MessageBuilder& builder() const;
  capnp::StructSchema struct_schema() const;
  std::span<std::byte> bytes() const noexcept;
  // `size`: bytes filled, on untyped topics only.
  uint64_t publish_first(size_t size, std::optional<Timeout> timeout);

 private:
  detail::DraftPointer core_;
};

// A message of type T (generated code, or Dynamic): (*draft)->setFrameId("base") on a Result, draft->setFrameId otherwise.
// It starts as all defaults. What outgrows the loan goes on in private memory and is moved once, when it is published.
template <typename T>
class Draft : public DraftBase {
 public:
  using Builder = typename T::Builder;

  // For the library's own use.
  explicit Draft(detail::DraftPointer core) : DraftBase(std::move(core)), root_(make_root()) {}

  // The root, in shared memory. Neither it nor anything below may be touched after publish() or discard().
  Builder msg() noexcept { return root_; }
  Builder* operator->() noexcept { return &root_; }

  // Sends the message and gives up its memory.
  //   timeout  how long to wait for subscribers that asked to block; none: the publisher's own
  //   returns  the sequence
  //   throws   Error(timeout): a blocking subscriber, named, has no room; TOO_LARGE, NO_MEMORY: it outgrew its loan and
  //            there is no larger one; CLOSED, FORKED; INVALID_ARGUMENT: published or discarded before. After an error
  //            nothing was sent and the draft is still there
  uint64_t publish(std::optional<Timeout> timeout = {}) { return publish_first(0, timeout); }
  Result<uint64_t> try_publish(std::optional<Timeout> timeout = {}) {
    try {
      return publish(timeout);
    } catch (const Error& error) {
      return error;
    }
  }

 private:
  Builder make_root() {
    if constexpr (std::is_same_v<T, Dynamic>) {
      return builder().template initRoot<Dynamic>(struct_schema());
    } else {
      return builder().template initRoot<T>();
    }
  }

  Builder root_;
};

// Bytes to be filled: at least as many as asked for, 64-byte aligned, not zeroed.
template <>
class Draft<Bytes> : public DraftBase {
 public:
  using DraftBase::DraftBase;

  std::span<std::byte> data() noexcept { return bytes(); }
  // Sends the first `size` bytes. Errors as above, and INVALID_ARGUMENT: larger than data().
  uint64_t publish(size_t size, std::optional<Timeout> timeout = {}) { return publish_first(size, timeout); }
  Result<uint64_t> try_publish(size_t size, std::optional<Timeout> timeout = {}) {
    try {
      return publish(size, timeout);
    } catch (const Error& error) {
      return error;
    }
  }
};

}  // namespace polybus

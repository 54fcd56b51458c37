// One message in Cap'n Proto's stream framing, read where it lies.
#pragma once

#include <capnp/layout.h>
#include <capnp/message.h>
#include <kj/array.h>

#include <cstddef>
#include <cstdint>
#include <polybus/error.hpp>
#include <span>
#include <vector>

namespace polybus::bus {

// The framing (little-endian 32-bit words, padded to 8 bytes), then the segments:
//
//   segments − 1 | words of segment 0 | words of segment 1 | … | segment 0 | segment 1 | …
//
// A Frame is exactly one message: nothing missing, nothing behind it, a struct (or null, read as its defaults) at the
// root. Reading it never writes to the bytes. They must outlive it, unless they were not 8-byte aligned and thus copied.
class Frame final : public capnp::MessageReader {
 public:
  // Every access through a reader counts against a traversal limit, reading the same list twice counts twice: a message
  // read lazily and for long has none. Whoever walks all of a message gives one instead.
  static constexpr uint64_t kUnlimited = uint64_t{1} << 60;
  static constexpr uint32_t kSegmentsMax = 512;

  //   throws   Error(`code`), saying what is wrong
  explicit Frame(std::span<const std::byte> bytes, Code code = Code::bad_message,
                 uint64_t traversal_limit_words = kUnlimited);

  kj::ArrayPtr<const capnp::word> getSegment(unsigned id) override;
  size_t words() const noexcept { return words_.size(); }

 private:
  void adopt(std::span<const std::byte> bytes);
  void check_sizes();
  void check_root();
  uint32_t table_entry(size_t index) const noexcept;
  uint32_t segment_count() const noexcept { return table_entry(0) + 1; }
  size_t table_words() const noexcept { return segment_count() / 2 + 1; }

  kj::ArrayPtr<const capnp::word> words_;
  kj::Array<capnp::word> aligned_copy_;
  Code code_;
};

// The root struct, whatever its type; empty where the root is null. Its pointers are still unchecked.
capnp::_::StructReader root_reader(Frame& frame);

// A limit for whoever walks a whole message once: what it holds, and some for elements that take no room.
inline uint64_t whole_message_limit(size_t frame_words) noexcept { return frame_words + (uint64_t{1} << 20); }

// Throws Error(bad_message) unless the bytes are exactly one message.
void check_frame(std::span<const std::byte> bytes);

}  // namespace polybus::bus

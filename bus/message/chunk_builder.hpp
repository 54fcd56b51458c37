// Builds one Cap'n Proto message where it will be read from: in a chunk on loan from the bus.
#pragma once

#include <capnp/message.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

namespace polybus::bus {

// The memory, in words. A message mostly stays in its first segment:
//
//   | 1: segment table | first segment | (rest unused)                                         one segment
//   | 1 | first segment | kGapWords | second segment | third segment | (rest unused)           it grew
//
// A table of several segments is longer than a word. It gets the room by moving the first segment, which is small then,
// towards the gap; what is left of the gap belongs to the first segment. So the frame always begins at the memory's
// begin, and large segments never move. Pointers of Cap'n Proto count within segments, so nothing else changes.
//
// Chunks are recycled, so they are dirty, and Cap'n Proto relies on zeros: what is handed out is zeroed, and only that.
// What does not fit is built on the heap; finish_into() then moves the message once, into larger memory.
//
// Not thread-safe; the memory must outlive the builder.
class ChunkBuilder final : public capnp::MessageBuilder {
 public:
  // `memory` is 8-byte aligned. `size_hint`: how many bytes the message is expected to have.
  explicit ChunkBuilder(std::span<std::byte> memory, size_t size_hint = 0);

  // How much memory to take for a message of about `size_hint` bytes, so that it fits with its table and root.
  static size_t bytes_for(size_t size_hint) noexcept;

  // Completes the frame in place and returns it; it begins where the memory does. Empty: the message has outgrown the
  // memory, finish_into() must move it. The message must not be changed afterwards, unless resume() is called first.
  std::span<std::byte> finish();
  // Takes back finish(): the message can be changed, and the views given out before are valid again.
  void resume() noexcept;

  // How large the frame is that finish_into() writes.
  size_t frame_bytes();
  // Writes the frame into `memory`, at least frame_bytes() large, and returns it. The builder stays as it is.
  std::span<std::byte> finish_into(std::span<std::byte> memory);

  // The next segment, if one is needed, will hold just one object that the caller overwrites whole: it is not zeroed.
  // Holds until end_overwrite().
  void begin_overwrite() noexcept { overwrite_ = true; }
  void end_overwrite() noexcept { overwrite_ = false; }

  kj::ArrayPtr<capnp::word> allocateSegment(unsigned words_min) override;

 private:
  static constexpr size_t kGapWords = 7;
  static constexpr size_t kSegmentsInPlaceMax = 2 * kGapWords + 1;  // so many a table of 1 + kGapWords words can name

  kj::ArrayPtr<capnp::word> take_first();
  kj::ArrayPtr<capnp::word> take(size_t words_min);
  size_t finish_grown();

  kj::ArrayPtr<capnp::word> memory_;
  size_t first_words_;                                // of the first segment; 0: everything is on the heap
  size_t used_words_ = 0;                             // of the memory, from its begin
  size_t total_words_ = 0;                            // handed out so far, here and on the heap
  std::array<size_t, kSegmentsInPlaceMax> in_place_;  // words of the segments in the memory
  size_t in_place_count_ = 0;
  std::vector<std::unique_ptr<capnp::word, decltype(&std::free)>> heap_;
  size_t shift_words_ = 0;  // by which finish() has moved the first segment
  bool overwrite_ = false;
};

}  // namespace polybus::bus

// One message as it travels, and how messages are cut out of a stream of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "discovery/protocol/fd.hpp"

namespace polybus::discovery {

inline constexpr size_t kFrameBytesMax = 16u << 20;       // a schema bundle or a graph fits
inline constexpr size_t kFirstFrameBytesMax = 64u << 10;  // before a process has joined
inline constexpr size_t kFrameSegmentsMax = 64;
inline constexpr size_t kFrameDescriptorsMax = 4;

// The other side does not speak our language: the connection is of no use any more.
class ProtocolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// In Cap'n Proto's stream framing; the descriptors travel with the first byte.
struct Frame {
  std::vector<std::byte> bytes;
  std::vector<SharedFd> fds;
};

// Collects what arrives, in pieces of any size, and gives out whole frames. The memory it takes is what has arrived, not
// what a header promises.
class FrameReader {
 public:
  explicit FrameReader(size_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}
  void set_frame_bytes_max(size_t bytes) { frame_bytes_max_ = bytes; }

  // Where to put what arrives next; then say how much it was.
  std::span<std::byte> space();
  void arrived(size_t bytes);
  // Descriptors that came with the latest arrived(): they belong to the one frame among those bytes that wants some.
  void arrived(std::vector<Fd> fds);

  // The next whole frame, aligned to 8 bytes, valid until the next call of anything; none: more bytes are needed.
  // Throws ProtocolError.
  std::optional<std::span<const std::byte>> next();
  // The descriptors of the frame that next() gave: fewer than `count` if the system dropped some.
  std::vector<SharedFd> take_fds(size_t count);

 private:
  struct Batch {
    uint64_t begin, end;  // position in the stream
    std::vector<Fd> fds;
  };

  size_t frame_bytes_max_;
  std::vector<std::byte> buffer_;
  size_t begin_ = 0, end_ = 0;   // what is there and not yet given out
  uint64_t position_ = 0;        // in the stream, of begin_
  uint64_t frame_position_ = 0;  // of the frame given out last
  uint64_t last_arrival_ = 0;    // position where the latest arrival began
  std::vector<Batch> batches_;
};

}  // namespace polybus::discovery

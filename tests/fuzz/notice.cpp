// Any bytes a process may get from what listens on the bus's socket: they are a notice or a ProtocolError, and what was read says
// the same when it is sent on.
#include <cstdlib>
#include <cstring>

#include "discovery/protocol/codec.hpp"

using namespace polybus::discovery;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FrameReader frames(1u << 20);
  try {
    for (size_t at = 0; at < size;) {
      const auto space = frames.space();
      const size_t bytes = std::min(space.size(), size - at);
      std::memcpy(space.data(), data + at, bytes);
      frames.arrived(bytes);
      at += bytes;
      while (const auto frame = frames.next()) {
        const Notice notice = decode_notice(*frame, frames);
        const Frame once = encode(notice);
        FrameReader again(64u << 20);
        const Frame twice = encode(decode_notice(once.bytes, again));
        if (once.bytes != twice.bytes) std::abort();
      }
    }
  } catch (const ProtocolError&) {
  }
  return 0;
}

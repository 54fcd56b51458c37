// Between messages as structs and messages as bytes. What is decoded has been checked: numbers are in their ranges, texts have
// the lengths that names may have.
#pragma once

#include <cstddef>
#include <span>

#include "discovery/protocol/frame.hpp"
#include "discovery/protocol/messages.hpp"

namespace polybus::discovery {

inline constexpr uint32_t kTextBytesMax = 4096;      // of any text
inline constexpr size_t kSchemaBytesMax = 4u << 20;  // of a bundle

uint32_t protocol_version() noexcept;

Frame encode(const Request& request);
Frame encode(const Notice& notice);

// The descriptors are taken from `reader`, whose next() gave the bytes. Throw ProtocolError.
Request decode_request(std::span<const std::byte> bytes, FrameReader& reader);
Notice decode_notice(std::span<const std::byte> bytes, FrameReader& reader);

}  // namespace polybus::discovery

// The user header in front of every payload: what a message carries besides its bytes.
#pragma once

#include <cstdint>

namespace polybus::bus {

// Byte by byte (docs/wire-format.md), little-endian, 64 bytes, 8-byte aligned, written by the publisher only:
//
//   0  magic "PBM1"   4  version   6  flags   8  payload bytes   16  schema fingerprint (first 8 bytes)
//  24  publisher id  32  sequence  40  published, CLOCK_MONOTONIC ns   48  published, CLOCK_REALTIME ns
//  56  publisher's pid             60  0
struct MessageHeader {
  static constexpr uint32_t kMagic = 0x314d4250;  // "PBM1"
  static constexpr uint16_t kVersion = 1;
  static constexpr uint16_t kTyped = 1;  // flags: the payload is one Cap'n Proto message in stream framing

  uint32_t magic;
  uint16_t version;
  uint16_t flags;
  uint64_t payload_bytes;
  uint64_t schema_prefix;  // 0 on untyped topics
  uint64_t publisher_id;
  uint64_t sequence;  // from 1, per publisher, without gaps
  uint64_t published_monotonic_ns;
  uint64_t published_realtime_ns;
  uint32_t publisher_pid;
  uint32_t reserved;
};
static_assert(sizeof(MessageHeader) == 64);

}  // namespace polybus::bus

// The types the fuzzers read messages as.
#pragma once

#include <polybus/schema.hpp>

namespace polybus::fuzz {

// One of everything a message can hold, and itself.
inline const Schema& everything() {
  static const Schema schema =
      Schema::parse_file(POLYBUS_TEST_SOURCE_DIR "/tests/node/everything.capnp").at("Everything");
  return schema;
}

}  // namespace polybus::fuzz

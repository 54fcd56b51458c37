// Bounds what copying a value with all below it may cost.
#pragma once

#include <capnp/layout.h>

#include <cstdint>

namespace polybus::bus {

// A broken message may refer to the same thing from many places, and those from many more: a copy would be larger than
// any memory. Walks what a copy would, and throws Error(bad_message) beyond `words_max`. May throw kj::Exception.
void check_copy(const capnp::_::StructReader& from, uint64_t words_max);
void check_copy(const capnp::_::ListReader& from, uint64_t words_max);
void check_copy(const capnp::_::PointerReader& from, uint64_t words_max);

}  // namespace polybus::bus

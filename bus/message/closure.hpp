// All the types a struct refers to, directly or not.
#pragma once

#include <capnp/schema.h>

#include <span>
#include <vector>

namespace polybus::bus {

// `root` first, then structs (groups too), enums and interfaces by ascending id, each once and without type arguments.
// Works alike for generated code, parsed files and loaded bundles. What an interface's methods use is left out: it never
// lies in a message. May throw kj::Exception for schemas that contradict themselves.
std::vector<capnp::Schema> closure_of(capnp::StructSchema root);
// The same for what the types of constants refer to; nothing comes first.
std::vector<capnp::Schema> closure_of(std::span<const capnp::ConstSchema> constants);

}  // namespace polybus::bus

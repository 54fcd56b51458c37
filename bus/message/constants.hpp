// Constants of a .capnp file, as a struct type: one field each, whose default is the constant's value. Whoever can read a
// message can so read constants: from an empty one, in which every field has its default.
#pragma once

#include <capnp/schema.h>
#include <kj/array.h>

#include <span>
#include <string>

namespace polybus::bus {

// The bundle of such a type for the constants of one scope. `display_name`: "imu.capnp:Imu" for those inside of Imu.
// May throw kj::Exception.
kj::Array<capnp::word> constants_bundle(uint64_t scope_id, const std::string& display_name,
                                        std::span<const capnp::ConstSchema> constants);

}  // namespace polybus::bus

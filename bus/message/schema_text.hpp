// A schema as the .capnp file it might have come from.
#pragma once

#include <polybus/schema.hpp>
#include <string>

namespace polybus::bus {

// Text that compiles to a schema with the same fingerprint: every type has its id, all that the root refers to is there, and nothing else:
// comments, annotations and methods of interfaces, which no message has. Types of other files are declared in this one.
//   throws   Error(bad_schema): groups that contain themselves, names that nobody could have written
std::string schema_text(const Schema& schema);

// "Imu" or "Outer.Inner": how schema_text() calls the root.
std::string root_name(const Schema& schema);

}  // namespace polybus::bus

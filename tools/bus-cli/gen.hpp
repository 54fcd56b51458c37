// `bus-cli gen`: the types of a .capnp file for type checkers and editors. Nothing of it is there at run time.
#pragma once

#include <string>

#include "tools/bus-cli/gen_model.hpp"

namespace polybus::cli {

std::string python_stub(const GenModel& model);              // imu_capnp.pyi
std::string typescript_declarations(const GenModel& model);  // imu.capnp.d.ts

}  // namespace polybus::cli

// "; did you mean "sensors/imu"?" for names that are almost right.
#pragma once

#include <string>
#include <vector>

namespace polybus::cli {

// Empty if nothing is near.
std::string suggestion(const std::string& wanted, const std::vector<std::string>& names);

}  // namespace polybus::cli

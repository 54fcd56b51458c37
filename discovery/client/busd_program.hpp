// Which busd to start: the one of the same build or package as this library.
#pragma once

#include <string>
#include <vector>

namespace polybus::discovery {

// Throws NO_BUS with what was tried.
std::string find_busd();

}  // namespace polybus::discovery

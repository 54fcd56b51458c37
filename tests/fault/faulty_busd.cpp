// busd with fault points: tools/busd/main.cpp, with the plan that POLYBUS_TEST_FAULT says.
#include <cstdlib>

#include "tests/fault/fault_plan.hpp"

namespace {

[[maybe_unused]] const bool armed = [] {
  const char* text = std::getenv("POLYBUS_TEST_FAULT");
  if (text != nullptr) polybus::fault::arm(polybus::fault::from_text(text));
  return true;
}();

}  // namespace

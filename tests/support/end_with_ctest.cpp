// A test program that ctest started ends with it, also where ctest is killed. One started by hand outlives its shell as ever.
#include <unistd.h>

#include <cstdlib>

#include "tests/support/lifetime.hpp"

namespace {

const bool is_done = [] {
  if (std::getenv("POLYBUS_TEST_ENDS_WITH_PARENT") == nullptr) return false;
  ::unsetenv("POLYBUS_TEST_ENDS_WITH_PARENT");
  polybus::lifetime::end_with(::getppid(), SIGKILL);
  return true;
}();

}  // namespace

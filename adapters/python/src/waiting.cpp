#include "waiting.hpp"

#include <cmath>

#include "errors.hpp"

namespace polybus_python {

bool parse_timeout(PyObject* seconds, int64_t if_none, int64_t* timeout_ms) {
  if (!seconds || seconds == Py_None) {
    *timeout_ms = if_none;
    return true;
  }
  double value = PyFloat_AsDouble(seconds);
  if (value == -1.0 && PyErr_Occurred()) {
    PyErr_Clear();
    TypeName type(seconds);
    raise(POLYBUS_INVALID_ARGUMENT, "timeout: expected seconds as a number, or None, got %s", type.text());
    return false;
  }
  if (!(value >= 0)) {
    raise(POLYBUS_INVALID_ARGUMENT, "timeout: expected seconds, 0 or more, or None, got %g", value);
    return false;
  }
  constexpr double kLongestMs = 1e15;  // 30,000 years; also keeps infinity inside an int64
  *timeout_ms = static_cast<int64_t>(std::ceil(std::fmin(value * 1000.0, kLongestMs)));
  return true;
}

}  // namespace polybus_python

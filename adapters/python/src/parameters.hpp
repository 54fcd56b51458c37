// Arguments as the C interface wants them, or InvalidArgumentError with their name: "queue: expected 1 to 1024, got 0".
#pragma once

#include <polybus/polybus.h>

#include <cstdint>

#include "object.hpp"

namespace polybus_python {

// A str without NUL, which would end it early in C; lives as long as `value`. NULL with an error of `code` set.
const char* text_parameter(PyObject* value, const char* name, polybus_code code = POLYBUS_INVALID_ARGUMENT);
// An int from `low` to `high`, which must fit an int64. NULL leaves `*out` as it is. false with InvalidArgumentError set.
bool count_parameter(PyObject* value, const char* name, uint64_t low, uint64_t high, uint64_t* out);

}  // namespace polybus_python

#include "parameters.hpp"

#include <cstring>
#include <string>

#include "errors.hpp"

namespace polybus_python {

const char* text_parameter(PyObject* value, const char* name, polybus_code code) {
  if (!PyUnicode_Check(value)) {
    TypeName type(value);
    raise(code, "%s: expected str, got %s", name, type.text());
    return nullptr;
  }
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(value, &size);
  if (text && strlen(text) == static_cast<size_t>(size)) return text;
  PyErr_Clear();
  raise(code, "%s: neither NUL nor lone surrogates are allowed in it; A-Z a-z 0-9 _ . - always are", name);
  return nullptr;
}

bool count_parameter(PyObject* value, const char* name, uint64_t low, uint64_t high, uint64_t* out) {
  if (!value) return true;
  const bool is_int = PyIndex_Check(value) && !PyBool_Check(value);
  if (is_int) {
    Ref number = Ref::steal(PyNumber_Index(value));
    const uint64_t given = number ? PyLong_AsUnsignedLongLong(number.get()) : 0;
    if (!PyErr_Occurred() && given >= low && given <= high) {
      *out = given;
      return true;
    }
    PyErr_Clear();  // negative, or too large for 64 bits
  }
  Ref shown = Ref::steal(is_int ? PyObject_Str(value) : nullptr);
  const char* text = shown ? PyUnicode_AsUTF8AndSize(shown.get(), nullptr) : nullptr;
  PyErr_Clear();
  TypeName type(value);
  const std::string bound = high == INT64_MAX ? " or more" : " to " + std::to_string(high);
  raise(POLYBUS_INVALID_ARGUMENT, "%s: expected %llu%s, got %s", name, static_cast<unsigned long long>(low),
        bound.c_str(), text ? text : type.text());
  return false;
}

}  // namespace polybus_python

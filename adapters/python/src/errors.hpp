// From a polybus_error to the Python exception of its code, and the exceptions the adapter raises itself.
#pragma once

#include <polybus/polybus.h>

#include "object.hpp"

namespace polybus_python {

// The classes of polybus/errors.py. false with a Python error set.
bool load_error_classes();

// Each sets a Python error and returns NULL, so that `return raise(...)` reads well.
PyObject* raise(const polybus_error& error);
PyObject* raise(polybus_code code, const char* format, ...) __attribute__((format(printf, 2, 3)));
// No such field, or a union member that is not the active one: also an AttributeError, so that hasattr() works.
PyObject* raise_field_error(const char* format, ...) __attribute__((format(printf, 1, 2)));

// `code` is what a call of the C interface returned. true: all is well.
inline bool check(int code, const polybus_error& error) {
  if (code == POLYBUS_OK) return true;
  raise(error);
  return false;
}

// The name of an object's type, for messages. Valid while the type lives.
struct TypeName {
  explicit TypeName(PyObject* object);
  const char* text() const { return text_ ? text_ : "?"; }

 private:
  Ref name_;
  const char* text_ = nullptr;
};

}  // namespace polybus_python

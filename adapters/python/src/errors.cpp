#include "errors.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>

namespace polybus_python {
namespace {

constexpr int kCodeCount = POLYBUS_INTERRUPTED + 1;
PyObject* error_base = nullptr;
PyObject* error_classes[kCodeCount] = {};
PyObject* field_error = nullptr;

PyObject* raise_text(PyObject* type, const char* text) {
  // "replace": the text may quote bytes that are no UTF-8, and the error must come through all the same.
  Ref message = Ref::steal(PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(strlen(text)), "replace"));
  if (message) PyErr_SetObject(type, message.get());
  return nullptr;
}

std::string format_text(const char* format, va_list args) {
  char text[1024];
  vsnprintf(text, sizeof text, format, args);
  return text;
}

}  // namespace

bool load_error_classes() {
  Ref module = Ref::steal(PyImport_ImportModule("polybus.errors"));
  if (!module) return false;
  error_base = PyObject_GetAttrString(module.get(), "Error");
  field_error = PyObject_GetAttrString(module.get(), "FieldError");
  Ref by_code = Ref::steal(PyObject_GetAttrString(module.get(), "BY_CODE"));
  if (!error_base || !field_error || !by_code) return false;
  for (int code = POLYBUS_TIMEOUT; code < POLYBUS_INTERRUPTED; ++code) {
    error_classes[code] = PyMapping_GetItemString(by_code.get(), polybus_code_name(code));
    if (!error_classes[code]) return false;
  }
  return true;
}

PyObject* raise(const polybus_error& error) {
  PyObject* type = error.code > 0 && error.code < kCodeCount ? error_classes[error.code] : nullptr;
  return raise_text(type ? type : error_base, error.message);
}

PyObject* raise(polybus_code code, const char* format, ...) {
  va_list args;
  va_start(args, format);
  std::string text = format_text(format, args);
  va_end(args);
  return raise_text(error_classes[code], text.c_str());
}

PyObject* raise_field_error(const char* format, ...) {
  va_list args;
  va_start(args, format);
  std::string text = format_text(format, args);
  va_end(args);
  return raise_text(field_error, text.c_str());
}

TypeName::TypeName(PyObject* object)
    : name_(Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(object)), "__name__"))) {
  if (name_) text_ = PyUnicode_AsUTF8AndSize(name_.get(), nullptr);
  if (!text_) PyErr_Clear();
}

}  // namespace polybus_python

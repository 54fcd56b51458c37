#include "path.hpp"

#include <cstring>

#include "errors.hpp"

namespace polybus_python {
namespace {

constexpr size_t kNumberShown = 60;

std::string number_text(PyObject* value) {
  Ref text = Ref::steal(PyObject_Str(value));
  const char* shown = text ? PyUnicode_AsUTF8AndSize(text.get(), nullptr) : nullptr;
  if (!shown) PyErr_Clear();  // an int of more than 4,300 digits has no text
  return shown && strlen(shown) <= kNumberShown ? shown : "a larger number";
}

bool is_bool(PyObject* value) {
  TypeName type(value);
  return PyBool_Check(value) || strcmp(type.text(), "bool") == 0 || strcmp(type.text(), "bool_") == 0;
}

}  // namespace

std::string given_text(PyObject* value) {
  if (value == Py_None) return "null";
  if (is_bool(value)) return "boolean";
  if (PyUnicode_Check(value)) return "string";
  if (PyLong_Check(value) || PyFloat_Check(value)) return number_text(value);
  if (PyList_Check(value)) return "array";
  if (PyDict_Check(value)) return "object";
  TypeName type(value);
  return type.text();
}

std::string Path::text() const {
  if (!up_) return *root_;
  std::string text = up_->text();
  if (!name_) return text + "[" + std::to_string(index_) + "]";
  const char* name = PyUnicode_AsUTF8AndSize(name_, nullptr);
  if (!name) {
    PyErr_Clear();
    name = "?";
  }
  return text.empty() ? name : text + "." + name;
}

bool Path::expected(const std::string& what, PyObject* got) const {
  return invalid("expected " + what + ", got " + given_text(got));
}

bool Path::invalid(const std::string& reason) const {
  std::string where = text();
  raise(POLYBUS_INVALID_ARGUMENT, "%s%s%s", where.c_str(), where.empty() ? "" : ": ", reason.c_str());
  return false;
}

bool Path::failed(const polybus_error& error) const {
  std::string where = text();
  raise(static_cast<polybus_code>(error.code), "%s%s%s", where.c_str(), where.empty() ? "" : ": ", error.message);
  return false;
}

}  // namespace polybus_python

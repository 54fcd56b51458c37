#include "path.hpp"

#include <cstring>

#include "errors.hpp"

namespace polybus_python {

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
  TypeName type(got);
  return invalid("expected " + what + ", got " + type.text());
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

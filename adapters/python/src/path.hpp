// Where in a message a value belongs: `hail[1].mm`. Links on the stack, made into text only when something is wrong.
#pragma once

#include <polybus/polybus.h>

#include <string>

#include "object.hpp"

namespace polybus_python {

// Why there is no value for such a field; the words are the library's.
inline constexpr char kNoCapabilities[] =
    "a field of an interface type holds a capability, which a message on a bus cannot carry";

// What was given instead, in the words that every language uses: "string", "array", "object", "boolean", "null", a number
// as it is; for what has no JSON the name of its type.
std::string given_text(PyObject* value);

class Path {
 public:
  // The place a nested builder stands at; empty for a whole message.
  explicit Path(const std::string& root) : root_(&root) {}
  Path(const Path& up, PyObject* field_name) : up_(&up), name_(field_name) {}
  Path(const Path& up, Py_ssize_t index) : up_(&up), index_(index) {}

  std::string text() const;
  // "hail[1].mm: expected UInt8, got string". Returns false.
  bool expected(const std::string& what, PyObject* got) const;
  // "hail[1].mm: <reason>". Returns false.
  bool invalid(const std::string& reason) const;
  // An error of the library, with the path before its message. Returns false.
  bool failed(const polybus_error& error) const;

 private:
  const Path* up_ = nullptr;
  const std::string* root_ = nullptr;
  PyObject* name_ = nullptr;
  Py_ssize_t index_ = 0;
};

}  // namespace polybus_python

// AnyPointer: what lies there, the program knows.
#pragma once

#include "list.hpp"
#include "message.hpp"

namespace polybus_python {

// polybus.AnyPointer: a pointer that is set, in a struct or in a list.
struct AnyPointer {
  MemoryPtr memory;
  bool in_list;
  polybus_struct in_struct;
  polybus_list list;
  uint32_t index;
  int32_t kind;
};

// The AnyPointer of a field or element, None where it is null. NULL with a Python error set.
PyObject* read_any_pointer(const Message& message, const polybus_field& field);
PyObject* read_any_pointer(const List& list, uint32_t index);

bool add_any_pointer_types(PyObject* module);

}  // namespace polybus_python

// Reading: lists as sequences; lists of numbers and of structs are buffers as well.
#pragma once

#include "memory.hpp"

namespace polybus_python {

// polybus.List
struct List {
  MemoryPtr memory;
  polybus_type element;
  polybus_list view;
  Py_ssize_t count;  // what exported buffers point at
  Py_ssize_t stride;

  const SchemaTables& tables() const { return memory->tables(); }
};

PyObject* new_list(const MemoryPtr& memory, const polybus_type& element, const polybus_list& view);
// Element `index`, which must be there. NULL with a Python error set.
PyObject* read_element(const List& list, uint32_t index);
// How the elements look to the buffer protocol; `data` and `count` are left to the caller, and the format lives as long as
// the tables. false with BufferError set if they have no array form.
bool describe_array(const SchemaTables& tables, const polybus_type& element, uint32_t stride_bits,
                    uint32_t struct_data_bits, ArrayShape* array);

bool add_list_types(PyObject* module);

}  // namespace polybus_python

// Writing: Python values into structs and lists that are being built. The whole of what is accepted:
//
//   Bool                bool, numpy.bool                    Text            str
//   integers            int and what has __index__          Data            any buffer (bytes, bytearray, memoryview, array)
//   floats              float, int, numpy scalars           Void            None
//   enums               name or number                      lists           sequences, arrays, List
//   structs, groups     dict, Message, MessageBuilder       AnyPointer      Message, List, AnyPointer, str, buffers, None
//
// Everything else, what is out of range and what the schema does not know is InvalidArgumentError with the field's path.
// All functions return false with a Python error set.
#pragma once

#include <polybus/polybus.h>

#include "path.hpp"
#include "schema.hpp"

namespace polybus_python {

// Where a list is to be made: behind a pointer of a struct, or in an element of a list of lists.
struct ListPlace {
  polybus_struct_builder* in_struct = nullptr;
  polybus_list_builder* in_list = nullptr;
  uint32_t index = 0;

  int init(const SchemaTables& tables, const polybus_type& element, uint32_t count, polybus_list_builder* out,
           polybus_error* error) const;
};

// One field; `path` is the field's own. Makes it the active member of its union.
bool write_field(const SchemaTables& tables, const StructTable& table, int position, polybus_struct_builder* to,
                 PyObject* value, const Path& path);
// A whole struct from a dict or message; `path` is the struct's.
bool write_struct(const SchemaTables& tables, const StructTable& table, polybus_struct_builder* to, PyObject* value,
                  const Path& path);
// The arguments of publish(value=None, /, **fields) into the root struct, as a METH_FASTCALL | METH_KEYWORDS function gets
// them (arguments.cpp).
bool write_arguments(const SchemaTables& tables, polybus_struct_builder* root, PyObject* const* args, Py_ssize_t count,
                     PyObject* names);
// A list of `element`s from a sequence or array.
bool write_list(const SchemaTables& tables, const polybus_type& element, const ListPlace& place, PyObject* value,
                const Path& path);
bool write_element(const SchemaTables& tables, const polybus_type& element, polybus_list_builder* to, uint32_t index,
                   PyObject* value, const Path& path);
// Numbers from a buffer (array.cpp). false without an error set if the buffer is none that it knows.
bool write_array(const SchemaTables& tables, const polybus_type& element, polybus_list_builder* to,
                 const Py_buffer& buffer, const Path& path);
bool is_known_array(const Py_buffer& buffer);
// Do its elements lie as those of the list will?
bool is_same_array(const polybus_type& element, const Py_buffer& buffer);

// Makes the field the active member of its union; what the former member left is cleared.
bool select_member(const SchemaTables& tables, const StructTable& table, const polybus_field& field,
                   polybus_struct_builder* to, const Path& path);
// Back to the default.
bool clear_field(const SchemaTables& tables, const polybus_field& field, polybus_struct_builder* to, const Path& path);

// The error for two members of one union in one value.
bool both_of_one_union(const StructTable& table, int first, int second, const Path& path);

// Position of the field `name`; -1 with FieldError set, which carries the path of the struct.
int find_field(const StructTable& table, PyObject* name, const Path& path);

// Payload bytes that a message made of `value` will need at most, as far as can be told cheaply (estimate.cpp). Too little
// costs a copy, nothing else.
size_t estimate_struct(const SchemaTables& tables, const StructTable& table, PyObject* value);
size_t estimate_arguments(const SchemaTables& tables, PyObject* const* args, Py_ssize_t count, PyObject* names);
size_t estimate_field(const SchemaTables& tables, const polybus_field& field, PyObject* value);

}  // namespace polybus_python

// Reading: structs as objects whose attributes are the fields.
#pragma once

#include "memory.hpp"

namespace polybus_python {

// polybus.Message: one struct or group of a received message.
struct Message {
  MemoryPtr memory;
  const StructTable* table;
  polybus_struct view;

  const SchemaTables& tables() const { return memory->tables(); }
};

// The root struct of a memory. NULL with a Python error set.
PyObject* new_message(const MemoryPtr& memory);

// The tag of the union a field or struct belongs to.
uint16_t union_tag(const StructTable& table, const polybus_struct& view);
// Position of the active member of the unnamed union; -1 for a tag younger than our schema. Only for tables with a union.
int active_member(const StructTable& table, const polybus_struct& view);

// A field as a Python object that refers to the message. NULL with a Python error set.
PyObject* read_field(const Message& message, const polybus_field& field);

// 1: the pointer of a text, data, list or struct field is set; 0: it is null; -1 with a Python error set.
int is_present(const Message& message, const polybus_field& field);

// Name of the active member, or the tag's number. NULL with InvalidArgumentError set if there is no union.
PyObject* which(const StructTable& table, const polybus_struct& view);
// As the attribute `name`: FieldError for an unknown field, with what there is.
PyObject* no_such_field(const StructTable& table, PyObject* name);
PyObject* inactive_member(const StructTable& table, const polybus_field& field, const polybus_struct& view);

bool add_message_types(PyObject* module);

}  // namespace polybus_python

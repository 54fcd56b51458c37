// Writing: structs being built as objects whose attributes are the fields.
#pragma once

#include "building.hpp"
#include "path.hpp"

namespace polybus_python {

// polybus.MessageBuilder
struct MessageBuilder {
  BuildingPtr building;
  const StructTable* table;
  polybus_struct_builder view;
  std::string path;  // from the message's root, for errors

  const SchemaTables& tables() const { return *building->tables(); }
};

// polybus.ListBuilder
struct ListBuilder {
  BuildingPtr building;
  polybus_type element;
  polybus_list_builder view;
  std::string path;
  Py_ssize_t count;  // what exported buffers point at
  Py_ssize_t stride;

  const SchemaTables& tables() const { return *building->tables(); }
};

PyObject* new_message_builder(const BuildingPtr& building, const StructTable& table, const polybus_struct_builder& view,
                              std::string path);
PyObject* new_list_builder(const BuildingPtr& building, const polybus_type& element, const polybus_list_builder& view,
                           std::string path);
// What has been written so far. NULL with a Python error set.
PyObject* to_dict(const MessageBuilder& builder);

bool add_message_builder_types(PyObject* module);
bool add_list_builder_types(PyObject* module);

}  // namespace polybus_python

#include "fill.hpp"
#include "list.hpp"
#include "message.hpp"
#include "scalar.hpp"

namespace polybus_python {
namespace {

constexpr size_t kWord = 8;

size_t words(size_t bytes) { return (bytes + kWord - 1) / kWord * kWord; }

size_t struct_size(const StructTable& table) {
  return (size_t{table.info->data_words} + table.info->pointer_count) * kWord;
}

// Length of a sequence or buffer in elements; 0 for what has none (writing it will say so).
size_t count_of(PyObject* value) {
  const Py_ssize_t count = PyObject_Size(value);
  if (count < 0) PyErr_Clear();
  return count < 0 ? 0 : static_cast<size_t>(count);
}

size_t buffer_size(PyObject* value) {
  Py_buffer buffer{};
  if (PyObject_GetBuffer(value, &buffer, PyBUF_FULL_RO) < 0) {
    PyErr_Clear();
    return 0;
  }
  const auto size = static_cast<size_t>(buffer.len);
  PyBuffer_Release(&buffer);
  return size;
}

size_t text_size(PyObject* value) {
  Py_ssize_t size = 0;
  if (!PyUnicode_Check(value) || !PyUnicode_AsUTF8AndSize(value, &size)) {
    PyErr_Clear();
    return 0;
  }
  return static_cast<size_t>(size) + 1;
}

size_t estimate_pointer(const SchemaTables& tables, const polybus_type& type, PyObject* value);

// Elements are added up one by one where they have parts of their own, so that a list of very different texts is right.
size_t estimate_elements(const SchemaTables& tables, const polybus_type& element, PyObject* value) {
  size_t size = 0;
  if (!PyList_Check(value) && !PyTuple_Check(value)) return 0;
  const bool is_list = PyList_Check(value);
  const auto count = static_cast<Py_ssize_t>(count_of(value));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* item = is_list ? PyList_GetItem(value, i) : PyTuple_GetItem(value, i);
    if (item) size += estimate_pointer(tables, element, item);
  }
  return size;
}

size_t estimate_list(const SchemaTables& tables, const polybus_type& element, PyObject* value) {
  if (is_scalar(element)) return words(count_of(value) * scalar_bits(element.kind) / 8 + 1);
  if (element.list_depth == 0 && element.kind == POLYBUS_KIND_STRUCT) {
    const StructTable& table = tables.structs[static_cast<size_t>(element.index)];
    const size_t elements = count_of(value) * struct_size(table) + kWord;
    return table.info->pointer_count ? elements + estimate_elements(tables, element, value) : elements;
  }
  return count_of(value) * kWord + estimate_elements(tables, element, value);
}

size_t estimate_pointer(const SchemaTables& tables, const polybus_type& type, PyObject* value) {
  if (type.list_depth > 0) return estimate_list(tables, {type.kind, type.list_depth - 1, type.index}, value);
  switch (type.kind) {
    case POLYBUS_KIND_TEXT: return words(text_size(value));
    case POLYBUS_KIND_DATA: return words(buffer_size(value));
    case POLYBUS_KIND_STRUCT: return estimate_struct(tables, tables.structs[static_cast<size_t>(type.index)], value);
    default: return 0;
  }
}

}  // namespace

size_t estimate_field(const SchemaTables& tables, const polybus_field& field, PyObject* value) {
  return is_scalar(field.type) ? 0 : estimate_pointer(tables, field.type, value);
}

size_t estimate_struct(const SchemaTables& tables, const StructTable& table, PyObject* value) {
  size_t size = struct_size(table);
  if (!PyDict_Check(value)) return size;  // of a message that is part of another, the struct alone is known cheaply
  Py_ssize_t at = 0;
  PyObject *name, *item;
  while (PyDict_Next(value, &at, &name, &item)) {
    const int position = table.find(name);
    if (position >= 0) size += estimate_field(tables, table.field(position), item);
  }
  return size;
}

}  // namespace polybus_python

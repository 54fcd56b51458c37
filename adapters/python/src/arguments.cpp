// publish(value=None, /, **fields) and encode(): fields, or one dict or message.
#include "errors.hpp"
#include "fill.hpp"
#include "message.hpp"

namespace polybus_python {
namespace {

const std::string kRoot;

Py_ssize_t keyword_count(PyObject* names) { return names ? PyTuple_Size(names) : 0; }

}  // namespace

bool write_arguments(const SchemaTables& tables, polybus_struct_builder* root, PyObject* const* args, Py_ssize_t count,
                     PyObject* names) {
  const StructTable& table = tables.structs[0];
  const Path path(kRoot);
  const Py_ssize_t keywords = keyword_count(names);
  const bool has_value = count == 1 && args[0] != Py_None;
  if (count > 1)
    return path.invalid("expected fields, or one dict or message, got " + std::to_string(count) + " values");
  if (has_value && keywords) return path.invalid("expected either fields or one dict or message, got both");
  if (has_value) return write_struct(tables, table, root, args[0], path);
  int chosen = -1;
  for (Py_ssize_t i = 0; i < keywords; ++i) {
    PyObject* name = PyTuple_GetItem(names, i);
    const int position = find_field(table, name, path);
    if (position < 0) return false;
    if (table.field(position).discriminant >= 0) {
      if (chosen >= 0) return both_of_one_union(table, chosen, position, path);
      chosen = position;
    }
    if (!write_field(tables, table, position, root, args[count + i], Path(path, name))) return false;
  }
  return true;
}

size_t estimate_arguments(const SchemaTables& tables, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const StructTable& table = tables.structs[0];
  size_t size = estimate_struct(tables, table, Py_None);
  if (count == 1) {
    const bool is_whole =
        is_a<Message>(args[0]) && state<Message>(args[0]).table == &state<Message>(args[0]).tables().structs[0];
    size = is_whole ? state<Message>(args[0]).memory->size() : estimate_struct(tables, table, args[0]);
  }
  const Py_ssize_t keywords = keyword_count(names);
  for (Py_ssize_t i = 0; i < keywords; ++i) {
    const int position = table.find(PyTuple_GetItem(names, i));
    if (position >= 0) size += estimate_field(tables, table.field(position), args[count + i]);
  }
  return size;
}

}  // namespace polybus_python

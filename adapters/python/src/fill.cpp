#include "fill.hpp"

#include "any_pointer.hpp"
#include "builder.hpp"
#include "errors.hpp"
#include "list.hpp"
#include "message.hpp"
#include "plain.hpp"
#include "scalar.hpp"

namespace polybus_python {
namespace {

constexpr Py_ssize_t kListCountMax = (1 << 29) - 1;  // Cap'n Proto counts elements in 29 bits

const StructTable& struct_table(const SchemaTables& tables, const polybus_type& type) {
  return tables.structs[static_cast<size_t>(type.index)];
}

bool write_text(polybus_struct_builder* to, uint32_t pointer, PyObject* value, const Path& path) {
  if (!PyUnicode_Check(value)) return path.expected("Text", value);
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(value, &size);
  if (!text) {
    PyErr_Clear();
    return path.invalid("the text has lone surrogates, which UTF-8 cannot carry");
  }
  polybus_error error{};
  return polybus_struct_set_text(to, pointer, text, static_cast<size_t>(size), &error) == POLYBUS_OK ||
         path.failed(error);
}

// Any contiguous buffer; others are copied together first.
class DataArgument {
 public:
  bool get(PyObject* value, const Path& path) {
    if (!PyObject_CheckBuffer(value)) return path.expected("Data", value);
    if (PyObject_GetBuffer(value, &buffer_, PyBUF_SIMPLE) == 0) return true;
    PyErr_Clear();
    copy_ = Ref::steal(PyBytes_FromObject(value));
    if (copy_ && PyObject_GetBuffer(copy_.get(), &buffer_, PyBUF_SIMPLE) == 0) return true;
    PyErr_Clear();
    return path.expected("Data", value);
  }
  ~DataArgument() {
    if (buffer_.obj) PyBuffer_Release(&buffer_);
  }
  const void* data() const { return buffer_.buf; }
  size_t size() const { return static_cast<size_t>(buffer_.len); }

 private:
  Py_buffer buffer_{};
  Ref copy_;
};

bool write_data(polybus_struct_builder* to, uint32_t pointer, PyObject* value, const Path& path) {
  DataArgument bytes;
  if (!bytes.get(value, path)) return false;
  polybus_error error{};
  return polybus_struct_set_data(to, pointer, bytes.data(), bytes.size(), &error) == POLYBUS_OK || path.failed(error);
}

// A Message or MessageBuilder to be read.
bool view_of(PyObject* value, polybus_struct* view, const Path& path) {
  if (is_a<Message>(value)) {
    const Message& message = state<Message>(value);
    if (!message.memory->check_open()) return false;
    *view = message.view;
    return true;
  }
  const MessageBuilder& builder = state<MessageBuilder>(value);
  polybus_error error{};
  if (!builder.building->check_open()) return false;
  return polybus_struct_as_reader(&builder.view, view, &error) == POLYBUS_OK || path.failed(error);
}

// A message that is given where a struct is wanted: read-only or still being built, of the same type (by Cap'n Proto's id:
// older and newer versions of it go as they are).
bool message_argument(const StructTable& table, PyObject* value, polybus_struct* view, const Path& path) {
  if (!view_of(value, view, path)) return false;
  const StructTable* given = is_a<Message>(value) ? state<Message>(value).table : state<MessageBuilder>(value).table;
  if (given->info->id == table.info->id) return true;
  return path.invalid(std::string("expected ") + table.info->name + ", got a message of type " + given->info->name);
}

bool is_message(PyObject* value) { return is_a<Message>(value) || is_a<MessageBuilder>(value); }

bool write_dict(const SchemaTables& tables, const StructTable& table, polybus_struct_builder* to, PyObject* dict,
                const Path& path) {
  Py_ssize_t at = 0;
  PyObject *name, *value;
  int chosen = -1;
  while (PyDict_Next(dict, &at, &name, &value)) {
    const int position = find_field(table, name, path);
    if (position < 0) return false;
    if (table.field(position).discriminant >= 0) {
      if (chosen >= 0) return both_of_one_union(table, chosen, position, path);
      chosen = position;
    }
    if (!write_field(tables, table, position, to, value, Path(path, name))) return false;
  }
  return true;
}

// Whatever says itself what it is: copied with all below it.
bool write_any_pointer(polybus_struct_builder* to, uint32_t pointer, PyObject* value, const Path& path) {
  polybus_error error{};
  int code = POLYBUS_OK;
  if (value == Py_None) {
    code = polybus_struct_clear_pointer(to, pointer, &error);
  } else if (PyUnicode_Check(value)) {
    return write_text(to, pointer, value, path);
  } else if (is_message(value)) {
    polybus_struct view;
    if (!view_of(value, &view, path)) return false;
    code = polybus_struct_copy_struct(to, pointer, &view, &error);
  } else if (is_a<AnyPointer>(value)) {
    const AnyPointer& any = state<AnyPointer>(value);
    if (!any.memory->check_open()) return false;
    code = any.in_list ? polybus_struct_copy_element(to, pointer, &any.list, any.index, &error)
                       : polybus_struct_copy_pointer(to, pointer, &any.in_struct, any.index, &error);
  } else if (is_a<List>(value)) {
    const List& list = state<List>(value);
    if (!list.memory->check_open()) return false;
    code = polybus_struct_copy_list(to, pointer, &list.view, &error);
  } else if (PyObject_CheckBuffer(value)) {
    return write_data(to, pointer, value, path);
  } else {
    return path.expected("AnyPointer (a message, a list of one, text or data)", value);
  }
  return code == POLYBUS_OK || path.failed(error);
}

bool write_struct_field(const SchemaTables& tables, const polybus_field& field, polybus_struct_builder* to,
                        PyObject* value, const Path& path) {
  const StructTable& table = struct_table(tables, field.type);
  polybus_error error{};
  if (is_message(value)) {
    polybus_struct view;
    if (!message_argument(table, value, &view, path)) return false;
    return polybus_struct_copy_struct(to, field.pointer_index, &view, &error) == POLYBUS_OK || path.failed(error);
  }
  if (!PyDict_Check(value)) return path.expected(table.info->name, value);
  polybus_struct_builder inner{};
  const int code = polybus_struct_init_struct(to, field.pointer_index, table.info->data_words,
                                              table.info->pointer_count, &inner, &error);
  return code == POLYBUS_OK ? write_dict(tables, table, &inner, value, path) : path.failed(error);
}

// A group has no memory of its own that could be copied, so a message goes by way of a dict.
bool write_group(const SchemaTables& tables, const polybus_field& field, polybus_struct_builder* to, PyObject* value,
                 const Path& path) {
  const StructTable& table = struct_table(tables, field.type);
  Ref dict = Ref::borrow(value);
  if (is_message(value)) {
    polybus_struct view;
    if (!message_argument(table, value, &view, path)) return false;
    dict = Ref::steal(is_a<Message>(value) ? to_dict(state<Message>(value)) : to_dict(state<MessageBuilder>(value)));
    if (!dict) return false;
  } else if (!PyDict_Check(value)) {
    return path.expected(table.info->name, value);
  }
  return clear_field(tables, field, to, path) && write_dict(tables, table, to, dict.get(), path);
}

bool write_sequence(const SchemaTables& tables, const polybus_type& element, const ListPlace& place, PyObject* value,
                    const Path& path) {
  const bool is_plain = PyList_Check(value) || PyTuple_Check(value);
  const bool is_text = PyUnicode_Check(value) || PyBytes_Check(value) || PyByteArray_Check(value);
  if (!is_plain && (is_text || PyDict_Check(value) || !PySequence_Check(value))) {
    const polybus_type type{element.kind, element.list_depth + 1, element.index};
    return path.expected(type_text(tables, type), value);
  }
  // A list of our own: whatever the conversion of an element runs cannot change it.
  Ref items = Ref::steal(PyList_Check(value) ? PyList_GetSlice(value, 0, PyList_Size(value)) : PySequence_List(value));
  if (!items) return false;
  const Py_ssize_t count = PyList_Size(items.get());
  if (count > kListCountMax) return path.invalid("a list has at most 536870911 elements");
  polybus_list_builder list{};
  polybus_error error{};
  if (place.init(tables, element, static_cast<uint32_t>(count), &list, &error) != POLYBUS_OK) return path.failed(error);
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* item = PyList_GetItem(items.get(), i);
    if (!write_element(tables, element, &list, static_cast<uint32_t>(i), item, Path(path, i))) return false;
  }
  return true;
}

// Numbers that lie in somebody's memory. `*handled` stays false if it is no such thing.
bool write_buffer(const SchemaTables& tables, const polybus_type& element, const ListPlace& place, PyObject* value,
                  const Path& path, bool* handled) {
  Py_buffer buffer{};
  if (PyObject_GetBuffer(value, &buffer, PyBUF_STRIDED_RO | PyBUF_FORMAT) < 0) {
    PyErr_Clear();
    return true;
  }
  bool done = true;
  if (is_known_array(buffer)) {
    *handled = true;
    polybus_list_builder list{};
    polybus_error error{};
    if (buffer.ndim != 1) {
      done = path.invalid("expected an array of one dimension, got " + std::to_string(buffer.ndim) +
                          "; see numpy.ravel()");
    } else if (buffer.shape[0] > kListCountMax) {
      done = path.invalid("a list has at most 536870911 elements");
    } else if (place.in_struct && is_same_array(element, buffer)) {
      // The memory is not zeroed first, which would cost as much again.
      done = polybus_struct_set_numbers(place.in_struct, place.index, element, buffer.buf,
                                        static_cast<uint32_t>(buffer.shape[0]), &error) == POLYBUS_OK ||
             path.failed(error);
    } else if (place.init(tables, element, static_cast<uint32_t>(buffer.shape[0]), &list, &error) != POLYBUS_OK) {
      done = path.failed(error);
    } else {
      done = write_array(tables, element, &list, buffer, path);
    }
  }
  PyBuffer_Release(&buffer);
  return done;
}

void clear_scalar(uint32_t bit_offset, uint32_t bits, polybus_struct_builder* to) {
  if (bits) store_bits(to->data, bit_offset, bits, 0);
}

}  // namespace

int ListPlace::init(const SchemaTables& tables, const polybus_type& element, uint32_t count, polybus_list_builder* out,
                    polybus_error* error) const {
  uint16_t data_words = 0, pointer_count = 0;
  if (element.list_depth == 0 && element.kind == POLYBUS_KIND_STRUCT) {
    const polybus_struct_info& info = *struct_table(tables, element).info;
    data_words = info.data_words;
    pointer_count = info.pointer_count;
  }
  return in_struct ? polybus_struct_init_list(in_struct, index, element, count, data_words, pointer_count, out, error)
                   : polybus_list_init_list(in_list, index, element, count, data_words, pointer_count, out, error);
}

bool both_of_one_union(const StructTable& table, int first, int second, const Path& path) {
  return path.invalid(std::string(table.field(first).name) + " and " + table.field(second).name +
                      " are members of one union: give one of them");
}

int find_field(const StructTable& table, PyObject* name, const Path& path) {
  const int position = table.find(name);
  if (position >= 0) return position;
  if (const char* text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, nullptr) : nullptr) {
    const std::string where = path.text();
    raise_field_error("%s%s%s has no field \"%s\"; it has %s", where.c_str(), where.empty() ? "" : ": ",
                      table.info->name, text, table.field_list().c_str());
  } else {
    path.expected("field names as str", name);
  }
  return -1;
}

bool clear_field(const SchemaTables& tables, const polybus_field& field, polybus_struct_builder* to, const Path& path) {
  if (is_scalar(field.type)) {
    clear_scalar(field.bit_offset, scalar_bits(field.type.kind), to);
    return true;
  }
  if (field.is_group) {
    const StructTable& table = struct_table(tables, field.type);
    for (uint32_t i = 0; i < table.info->field_count; ++i) {
      if (!clear_field(tables, table.info->fields[i], to, path)) return false;
    }
    if (table.info->union_field_count) clear_scalar(table.info->union_bit_offset, 16, to);
    return true;
  }
  polybus_error error{};
  return polybus_struct_clear_pointer(to, field.pointer_index, &error) == POLYBUS_OK || path.failed(error);
}

bool select_member(const SchemaTables& tables, const StructTable& table, const polybus_field& field,
                   polybus_struct_builder* to, const Path& path) {
  if (field.discriminant < 0) return true;
  const uint32_t at = table.info->union_bit_offset;
  const auto tag = static_cast<int32_t>(load_bits(to->data, to->data_bits, at, 16));
  if (tag == field.discriminant) return true;
  // Members share their memory: what the former one left would be the new one's value, or unreachable ballast.
  for (uint32_t i = 0; i < table.info->field_count; ++i) {
    const polybus_field& former = table.info->fields[i];
    if (former.discriminant == tag && !clear_field(tables, former, to, path)) return false;
  }
  store_bits(to->data, at, 16, static_cast<uint64_t>(field.discriminant));
  return true;
}

bool write_field(const SchemaTables& tables, const StructTable& table, int position, polybus_struct_builder* to,
                 PyObject* value, const Path& path) {
  const polybus_field& field = table.field(position);
  if (is_scalar(field.type)) {
    uint64_t raw = 0;
    if (!scalar_from_python(tables, field.type, value, path, &raw) || !select_member(tables, table, field, to, path)) {
      return false;
    }
    const uint32_t bits = scalar_bits(field.type.kind);
    if (bits) store_bits(to->data, field.bit_offset, bits, raw ^ field.default_bits);
    return true;
  }
  if (!select_member(tables, table, field, to, path)) return false;
  if (field.is_group) return write_group(tables, field, to, value, path);
  // As to_dict() shows it: selected, and null. What an interface's field can be, too.
  const bool is_opaque = field.type.kind == POLYBUS_KIND_ANY || field.type.kind == POLYBUS_KIND_INTERFACE;
  if ((field.discriminant >= 0 || is_opaque) && value == Py_None) return clear_field(tables, field, to, path);
  if (field.type.list_depth > 0) {
    const polybus_type element{field.type.kind, field.type.list_depth - 1, field.type.index};
    return write_list(tables, element, ListPlace{to, nullptr, field.pointer_index}, value, path);
  }
  switch (field.type.kind) {
    case POLYBUS_KIND_TEXT: return write_text(to, field.pointer_index, value, path);
    case POLYBUS_KIND_DATA: return write_data(to, field.pointer_index, value, path);
    case POLYBUS_KIND_STRUCT: return write_struct_field(tables, field, to, value, path);
    case POLYBUS_KIND_ANY: return write_any_pointer(to, field.pointer_index, value, path);
    default: return path.invalid(kNoCapabilities);
  }
}

bool write_struct(const SchemaTables& tables, const StructTable& table, polybus_struct_builder* to, PyObject* value,
                  const Path& path) {
  if (PyDict_Check(value)) return write_dict(tables, table, to, value, path);
  if (!is_message(value)) return path.expected(table.info->name, value);
  polybus_struct view;
  if (!message_argument(table, value, &view, path)) return false;
  polybus_error error{};
  return polybus_struct_copy_all(to, &view, &error) == POLYBUS_OK || path.failed(error);
}

bool write_list(const SchemaTables& tables, const polybus_type& element, const ListPlace& place, PyObject* value,
                const Path& path) {
  const bool of_numbers = element.list_depth == 0 && (is_number(element.kind) || element.kind == POLYBUS_KIND_BOOL);
  if (of_numbers && PyObject_CheckBuffer(value)) {
    bool handled = false;
    if (!write_buffer(tables, element, place, value, path, &handled)) return false;
    if (handled) return true;
  }
  return write_sequence(tables, element, place, value, path);
}

bool write_element(const SchemaTables& tables, const polybus_type& element, polybus_list_builder* to, uint32_t index,
                   PyObject* value, const Path& path) {
  polybus_error error{};
  if (is_scalar(element)) {
    uint64_t raw = 0;
    if (!scalar_from_python(tables, element, value, path, &raw)) return false;
    const uint32_t bits = scalar_bits(element.kind);
    const uint64_t bit = uint64_t{index} * to->stride_bits;
    if (bits) store_bits(to->data + bit / 8, bit % 8, bits, raw);
    return true;
  }
  if (element.list_depth > 0) {
    const polybus_type inner{element.kind, element.list_depth - 1, element.index};
    return write_list(tables, inner, ListPlace{nullptr, to, index}, value, path);
  }
  switch (element.kind) {
    case POLYBUS_KIND_TEXT: {
      if (!PyUnicode_Check(value)) return path.expected("Text", value);
      Py_ssize_t size = 0;
      const char* text = PyUnicode_AsUTF8AndSize(value, &size);
      if (!text) {
        PyErr_Clear();
        return path.invalid("the text has lone surrogates, which UTF-8 cannot carry");
      }
      return polybus_list_set_text(to, index, text, static_cast<size_t>(size), &error) == POLYBUS_OK ||
             path.failed(error);
    }
    case POLYBUS_KIND_DATA: {
      DataArgument bytes;
      if (!bytes.get(value, path)) return false;
      return polybus_list_set_data(to, index, bytes.data(), bytes.size(), &error) == POLYBUS_OK || path.failed(error);
    }
    case POLYBUS_KIND_STRUCT: {
      polybus_struct_builder inner{};
      if (polybus_list_edit_struct(to, index, &inner, &error) != POLYBUS_OK) return path.failed(error);
      return write_struct(tables, struct_table(tables, element), &inner, value, path);
    }
    case POLYBUS_KIND_ANY: return path.invalid("lists of AnyPointer can be read, but not written");
    default: return path.invalid(kNoCapabilities);
  }
}

}  // namespace polybus_python

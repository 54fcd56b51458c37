#include "list.hpp"

#include <algorithm>

#include "any_pointer.hpp"
#include "errors.hpp"
#include "message.hpp"
#include "plain.hpp"
#include "scalar.hpp"

namespace polybus_python {
namespace {

// "T{<f:x:<f:y:8x}": the columns that can be read from memory as they lie there, and the gaps between them.
std::string struct_format(const StructTable& table, uint32_t stride_bytes, uint32_t data_bits) {
  std::vector<const polybus_field*> columns;
  for (uint32_t i = 0; i < table.info->field_count; ++i) {
    const polybus_field& field = table.info->fields[i];
    const uint32_t bits = scalar_bits(field.type.kind);
    if (is_array_column(field) && field.bit_offset + bits <= data_bits) columns.push_back(&field);
  }
  std::sort(columns.begin(), columns.end(), [](auto* a, auto* b) { return a->bit_offset < b->bit_offset; });
  std::string text = "T{";
  uint32_t at = 0;
  for (const polybus_field* field : columns) {
    const uint32_t offset = field->bit_offset / 8;
    if (offset > at) text += std::to_string(offset - at) + "x";
    text.append("<").append(buffer_format(field->type.kind)).append(":").append(field->name).append(":");
    at = offset + scalar_bits(field->type.kind) / 8;
  }
  if (stride_bytes > at) text += std::to_string(stride_bytes - at) + "x";
  return text + "}";
}

Py_ssize_t length(PyObject* self) { return static_cast<Py_ssize_t>(state<List>(self).view.count); }

PyObject* item(PyObject* self, Py_ssize_t index) {
  const List& list = state<List>(self);
  if (index < 0 || index >= static_cast<Py_ssize_t>(list.view.count)) {
    return PyErr_Format(PyExc_IndexError, "list index out of range: the list has %u elements", list.view.count);
  }
  return read_element(list, static_cast<uint32_t>(index));
}

PyObject* slice_of(const List& list, PyObject* slice) {
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(slice, &start, &stop, &step) < 0) return nullptr;
  const Py_ssize_t count = PySlice_AdjustIndices(list.view.count, &start, &stop, step);
  Ref items = Ref::steal(PyList_New(0));
  for (Py_ssize_t i = 0; items && i < count; ++i) {
    if (!append_stolen(items.get(), read_element(list, static_cast<uint32_t>(start + i * step)))) return nullptr;
  }
  return items.release();
}

PyObject* subscript(PyObject* self, PyObject* key) {
  if (PySlice_Check(key)) return slice_of(state<List>(self), key);
  Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
  if (index == -1 && PyErr_Occurred()) return nullptr;
  return item(self, index < 0 ? index + length(self) : index);
}

PyObject* tolist(PyObject* self, PyObject*) { return to_list(state<List>(self)); }

PyObject* compare(PyObject* self, PyObject* other, int operation) {
  // numpy arrays are left to numpy, which sees the buffer and compares element by element.
  const bool comparable = is_a<List>(other) || PyList_Check(other) || PyTuple_Check(other);
  if ((operation != Py_EQ && operation != Py_NE) || !comparable) {
    Py_INCREF(Py_NotImplemented);
    return Py_NotImplemented;
  }
  Ref left = Ref::steal(to_list(state<List>(self)));
  Ref right = is_a<List>(other) ? Ref::steal(to_list(state<List>(other))) : Ref::steal(PySequence_List(other));
  return left && right ? PyObject_RichCompare(left.get(), right.get(), operation) : nullptr;
}

PyObject* repr(PyObject* self) {
  const List& list = state<List>(self);
  if (!list.memory->is_open()) return PyUnicode_FromString("<List, released>");
  PyObject* shorten = python_helper("_text", "sequence");
  return shorten ? PyObject_CallFunctionObjArgs(shorten, self, nullptr) : nullptr;
}

// index() and count(), which collections.abc.Sequence promises, are those of a plain list.
PyObject* as_plain_list(PyObject* self, const char* name, PyObject* args) {
  Ref items = Ref::steal(to_list(state<List>(self)));
  Ref bound = items ? Ref::steal(PyObject_GetAttrString(items.get(), name)) : Ref();
  return bound ? PyObject_CallObject(bound.get(), args) : nullptr;
}
PyObject* list_index(PyObject* self, PyObject* args) { return as_plain_list(self, "index", args); }
PyObject* list_count(PyObject* self, PyObject* args) { return as_plain_list(self, "count", args); }

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  List& list = state<List>(self);
  view->obj = nullptr;
  ArrayShape array{};
  const polybus_list& from = list.view;
  if (!list.memory->check_open() ||
      !describe_array(list.tables(), list.element, from.stride_bits, from.struct_data_bits, &array)) {
    return -1;
  }
  array.data = const_cast<uint8_t*>(from.data);
  array.count = static_cast<Py_ssize_t>(from.count);
  if (fill_buffer(view, flags, self, array, &list.count, &list.stride) < 0) return -1;
  list.memory->add_export();
  return 0;
}

void release_buffer(PyObject* self, Py_buffer*) { state<List>(self).memory->remove_export(); }

PyDoc_STRVAR(
    kListDoc,
    "A list of a received message, read where it lies in shared memory: a read-only sequence.\n\n"
    "Indexing gives what a field of the element's type gives; a slice gives a plain list. Equal to a list or tuple\n"
    "with the same elements.\n\n"
    "Lists of numbers and enums are also buffers of shape (len,) in the element's own type (enums as uint16):\n"
    "`numpy.asarray(x)` and `memoryview(x)` see the shared memory itself, read-only, without a copy. Lists of structs\n"
    "are buffers of records for `numpy.asarray`, with a column for each number outside unions whose default is 0.\n\n"
    "Lifetime: the list and its views keep the sample's memory until they are dropped. After an explicit\n"
    "`sample.release()`, which is refused while buffers are out, access raises ClosedError.\n"
    "Thread safety: any number of threads may read.");

PyMethodDef methods[] = {
    {"tolist", method(tolist), METH_NOARGS,
     PyDoc_STR(
         "tolist($self, /)\n--\n\nAll elements as plain Python values, copied; structs as by `Message.to_dict`.")},
    {"index", method(list_index), METH_VARARGS, PyDoc_STR("index($self, /, *args)\n--\n\nAs list.index().")},
    {"count", method(list_count), METH_VARARGS, PyDoc_STR("count($self, /, *args)\n--\n\nAs list.count().")},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kListDoc)},
                       {Py_tp_dealloc, slot(destroy<List>)},
                       {Py_tp_methods, methods},
                       {Py_tp_repr, slot(repr)},
                       {Py_tp_richcompare, slot(compare)},
                       {Py_tp_hash, slot(PyObject_HashNotImplemented)},
                       {Py_tp_iter, slot(PySeqIter_New)},
                       {Py_sq_length, slot(length)},
                       {Py_sq_item, slot(item)},
                       {Py_mp_length, slot(length)},
                       {Py_mp_subscript, slot(subscript)},
                       {Py_bf_getbuffer, slot(get_buffer)},
                       {Py_bf_releasebuffer, slot(release_buffer)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.List", sizeof(Object<List>), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                    slots};

}  // namespace

PyObject* new_list(const MemoryPtr& memory, const polybus_type& element, const polybus_list& view) {
  return create<List>(memory, element, view, Py_ssize_t{0}, Py_ssize_t{0});
}

PyObject* read_element(const List& list, uint32_t index) {
  if (!list.memory->check_open()) return nullptr;
  const polybus_type& type = list.element;
  if (is_scalar(type)) {
    const uint32_t bits = scalar_bits(type.kind);
    const uint64_t bit = uint64_t{index} * list.view.stride_bits;
    return scalar_to_python(list.tables(), type, load_bits(list.view.data + bit / 8, 64, bit % 8, bits));
  }
  polybus_error error{};
  if (type.list_depth > 0) {
    const polybus_type inner{type.kind, type.list_depth - 1, type.index};
    polybus_list view{};
    const int code = polybus_list_get_list(&list.view, index, inner, &view, &error);
    if (code == POLYBUS_EMPTY) view = polybus_list{};
    return code == POLYBUS_EMPTY || check(code, error) ? new_list(list.memory, inner, view) : nullptr;
  }
  switch (type.kind) {
    case POLYBUS_KIND_TEXT: {
      const char* text = "";
      size_t size = 0;
      const int code = polybus_list_get_text(&list.view, index, &text, &size, &error);
      if (code == POLYBUS_EMPTY) return PyUnicode_FromString("");
      return check(code, error) ? PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(size), "replace") : nullptr;
    }
    case POLYBUS_KIND_DATA: {
      const void* data = nullptr;
      size_t size = 0;
      const int code = polybus_list_get_data(&list.view, index, &data, &size, &error);
      if (code == POLYBUS_EMPTY) return memoryview_of(list.memory, nullptr, 0);
      return check(code, error) ? memoryview_of(list.memory, data, size) : nullptr;
    }
    case POLYBUS_KIND_STRUCT: {
      polybus_struct view{};
      if (!check(polybus_list_get_struct(&list.view, index, &view, &error), error)) return nullptr;
      return create<Message>(list.memory, &list.tables().structs[static_cast<size_t>(type.index)], view);
    }
    case POLYBUS_KIND_ANY: return read_any_pointer(list, index);
    default: return raise(POLYBUS_INVALID_ARGUMENT, "[%u]: %s", index, kNoCapabilities);
  }
}

bool describe_array(const SchemaTables& tables, const polybus_type& element, uint32_t stride_bits,
                    uint32_t struct_data_bits, ArrayShape* array) {
  array->stride = stride_bits / 8;
  if (element.list_depth == 0 && is_number(element.kind)) {
    array->item_size = scalar_bits(element.kind) / 8;
    array->format = buffer_format(element.kind);
    return true;
  }
  if (element.list_depth == 0 && element.kind == POLYBUS_KIND_STRUCT) {
    const StructTable& table = tables.structs[static_cast<size_t>(element.index)];
    if (table.has_array_form) {
      std::string& format = table.array_formats[uint64_t{stride_bits} << 32 | struct_data_bits];
      if (format.empty()) format = struct_format(table, stride_bits / 8, struct_data_bits);
      array->item_size = array->stride;
      array->format = format.c_str();
      return true;
    }
  }
  PyErr_Format(PyExc_BufferError, "a list of %s has no array form; use its elements",
               type_text(tables, element).c_str());
  return false;
}

bool add_list_types(PyObject* module) {
  type_of<List> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<List> && PyModule_AddObjectRef(module, "List", reinterpret_cast<PyObject*>(type_of<List>)) == 0;
}

}  // namespace polybus_python

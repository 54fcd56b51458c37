#include "builder.hpp"
#include "errors.hpp"
#include "fill.hpp"
#include "list.hpp"
#include "scalar.hpp"

namespace polybus_python {
namespace {

std::string element_path(const ListBuilder& list, uint32_t index) {
  return list.path + "[" + std::to_string(index) + "]";
}

Py_ssize_t length(PyObject* self) { return static_cast<Py_ssize_t>(state<ListBuilder>(self).view.count); }

bool check_index(const ListBuilder& list, Py_ssize_t index) {
  if (!list.building->check_open()) return false;
  if (index >= 0 && index < static_cast<Py_ssize_t>(list.view.count)) return true;
  PyErr_Format(PyExc_IndexError, "list index out of range: the list was made with %u elements", list.view.count);
  return false;
}

PyObject* text(ListBuilder& list, uint32_t at) {
  polybus_list reader{};
  polybus_error error{};
  if (!check(polybus_list_as_reader(&list.view, &reader, &error), error)) return nullptr;
  const char* text = "";
  size_t size = 0;
  const int code = polybus_list_get_text(&reader, at, &text, &size, &error);
  if (code != POLYBUS_EMPTY && !check(code, error)) return nullptr;
  return PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(size), "replace");
}

PyObject* data(ListBuilder& list, uint32_t at) {
  uint8_t* bytes = nullptr;
  size_t size = 0;
  polybus_error error{};
  const int code = polybus_list_edit_data(&list.view, at, &bytes, &size, &error);
  if (code != POLYBUS_EMPTY && !check(code, error)) return nullptr;
  return writable_memoryview(list.building, bytes, size);
}

// An element of a list of lists; one that nobody made yet is empty.
PyObject* inner_list(ListBuilder& list, uint32_t at) {
  const polybus_type inner{list.element.kind, list.element.list_depth - 1, list.element.index};
  uint16_t data_words = 0, pointer_count = 0;
  if (inner.list_depth == 0 && inner.kind == POLYBUS_KIND_STRUCT) {
    const polybus_struct_info& info = *list.tables().structs[static_cast<size_t>(inner.index)].info;
    data_words = info.data_words;
    pointer_count = info.pointer_count;
  }
  polybus_list_builder found{};
  polybus_error error{};
  const int code = polybus_list_edit_list(&list.view, at, inner, data_words, pointer_count, &found, &error);
  if (code == POLYBUS_EMPTY) found = polybus_list_builder{};
  if (code != POLYBUS_EMPTY && !check(code, error)) return nullptr;
  return new_list_builder(list.building, inner, found, element_path(list, at));
}

PyObject* item(PyObject* self, Py_ssize_t index) {
  ListBuilder& list = state<ListBuilder>(self);
  if (!check_index(list, index)) return nullptr;
  const auto at = static_cast<uint32_t>(index);
  const polybus_type& type = list.element;
  if (is_scalar(type)) {
    const uint64_t bit = uint64_t{at} * list.view.stride_bits;
    return scalar_to_python(list.tables(), type,
                            load_bits(list.view.data + bit / 8, 64, bit % 8, scalar_bits(type.kind)));
  }
  if (type.list_depth == 0 && type.kind == POLYBUS_KIND_STRUCT) {
    polybus_struct_builder inner{};
    polybus_error error{};
    if (!check(polybus_list_edit_struct(&list.view, at, &inner, &error), error)) return nullptr;
    return new_message_builder(list.building, list.tables().structs[static_cast<size_t>(type.index)], inner,
                               element_path(list, at));
  }
  if (type.list_depth > 0) return inner_list(list, at);
  switch (type.kind) {
    case POLYBUS_KIND_TEXT: return text(list, at);
    case POLYBUS_KIND_DATA: return data(list, at);
    default:
      return raise(POLYBUS_INVALID_ARGUMENT, "%s: an element of type %s cannot be read while a message is built",
                   element_path(list, at).c_str(), type_text(list.tables(), type).c_str());
  }
}

int assign_item(PyObject* self, Py_ssize_t index, PyObject* value) {
  ListBuilder& list = state<ListBuilder>(self);
  if (!value) {
    PyErr_SetString(PyExc_TypeError, "elements cannot be deleted: make a list of the right length with init()");
    return -1;
  }
  if (!check_index(list, index)) return -1;
  const Path root(list.path);
  return write_element(list.tables(), list.element, &list.view, static_cast<uint32_t>(index), value, Path(root, index))
             ? 0
             : -1;
}

bool parse_index(PyObject* self, PyObject* key, Py_ssize_t* index) {
  *index = PyNumber_AsSsize_t(key, PyExc_IndexError);
  if (*index == -1 && PyErr_Occurred()) return false;
  if (*index < 0) *index += length(self);
  return true;
}

PyObject* subscript(PyObject* self, PyObject* key) {
  Py_ssize_t index;
  return parse_index(self, key, &index) ? item(self, index) : nullptr;
}

int assign_subscript(PyObject* self, PyObject* key, PyObject* value) {
  Py_ssize_t index;
  return parse_index(self, key, &index) ? assign_item(self, index, value) : -1;
}

PyObject* init(PyObject* self, PyObject* args) {
  ListBuilder& list = state<ListBuilder>(self);
  Py_ssize_t index, size;
  if (!PyArg_ParseTuple(args, "nn:init", &index, &size)) return nullptr;
  if (index < 0) index += length(self);
  if (!check_index(list, index)) return nullptr;
  const auto at = static_cast<uint32_t>(index);
  if (list.element.list_depth == 0 || size < 0 || size >= (Py_ssize_t{1} << 29)) {
    return raise(POLYBUS_INVALID_ARGUMENT,
                 "%s: init(index, size) makes an element of a list of lists, of 0 to 536870911 elements",
                 element_path(list, at).c_str());
  }
  const polybus_type inner{list.element.kind, list.element.list_depth - 1, list.element.index};
  polybus_list_builder made{};
  polybus_error error{};
  const ListPlace place{nullptr, &list.view, at};
  if (!check(place.init(list.tables(), inner, static_cast<uint32_t>(size), &made, &error), error)) return nullptr;
  return new_list_builder(list.building, inner, made, element_path(list, at));
}

PyObject* repr(PyObject* self) {
  ListBuilder& list = state<ListBuilder>(self);
  const polybus_type type{list.element.kind, list.element.list_depth + 1, list.element.index};
  return PyUnicode_FromFormat("<ListBuilder %s of %u: %s>", list.path.c_str(), list.view.count,
                              type_text(list.tables(), type).c_str());
}

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  ListBuilder& list = state<ListBuilder>(self);
  view->obj = nullptr;
  ArrayShape array{};
  const polybus_list_builder& into = list.view;
  if (!list.building->check_open() ||
      !describe_array(list.tables(), list.element, into.stride_bits, into.struct_data_bits, &array)) {
    return -1;
  }
  array.data = into.data;
  array.count = static_cast<Py_ssize_t>(into.count);
  array.writable = true;
  if (fill_buffer(view, flags, self, array, &list.count, &list.stride) < 0) return -1;
  list.building->add_export(into.data, static_cast<size_t>(array.count * array.stride));
  return 0;
}

void release_buffer(PyObject* self, Py_buffer*) { state<ListBuilder>(self).building->remove_export(); }

PyDoc_STRVAR(
    kDoc,
    "A list of a message being written. Its length is fixed by `init`.\n\n"
    "Elements are assigned by index; elements of lists of structs are `MessageBuilder`s. Lists of numbers, enums and\n"
    "structs are writable buffers: `numpy.asarray(x)[:] = values` writes straight into shared memory.\n\n"
    "Lifetime and thread safety: as MessageBuilder. Raises InvalidArgumentError with the element's path, IndexError.");

PyMethodDef methods[] = {{"init", method(init), METH_VARARGS,
                          PyDoc_STR("init($self, index, size, /)\n--\n\nIn a list of lists: makes element `index` a "
                                    "list of `size` elements, zeroed, and returns it.")},
                         {nullptr, nullptr, 0, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_dealloc, slot(destroy<ListBuilder>)},
                       {Py_tp_methods, methods},
                       {Py_tp_repr, slot(repr)},
                       {Py_tp_iter, slot(PySeqIter_New)},
                       {Py_sq_length, slot(length)},
                       {Py_sq_item, slot(item)},
                       {Py_sq_ass_item, slot(assign_item)},
                       {Py_mp_length, slot(length)},
                       {Py_mp_subscript, slot(subscript)},
                       {Py_mp_ass_subscript, slot(assign_subscript)},
                       {Py_bf_getbuffer, slot(get_buffer)},
                       {Py_bf_releasebuffer, slot(release_buffer)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.ListBuilder", sizeof(Object<ListBuilder>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

PyObject* new_list_builder(const BuildingPtr& building, const polybus_type& element, const polybus_list_builder& view,
                           std::string path) {
  return create<ListBuilder>(building, element, view, std::move(path), Py_ssize_t{0}, Py_ssize_t{0});
}

bool add_list_builder_types(PyObject* module) {
  type_of<ListBuilder> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<ListBuilder> &&
         PyModule_AddObjectRef(module, "ListBuilder", reinterpret_cast<PyObject*>(type_of<ListBuilder>)) == 0;
}

}  // namespace polybus_python

#include "any_pointer.hpp"

#include <cstring>
#include <string_view>

#include "errors.hpp"
#include "scalar.hpp"

namespace polybus_python {
namespace {

PyObject* get_kind(PyObject* self, void*) {
  const int32_t kind = state<AnyPointer>(self).kind;
  return PyUnicode_FromString(kind == POLYBUS_POINTER_STRUCT ? "struct"
                              : kind == POLYBUS_POINTER_LIST ? "list"
                                                             : "capability");
}

// The pointer is set, or it would be None: so "empty" can only be a message that changed meanwhile.
bool found(int code, const polybus_error& error) {
  if (code == POLYBUS_EMPTY) raise(POLYBUS_BAD_MESSAGE, "the pointer is null by now");
  return code != POLYBUS_EMPTY && check(code, error);
}

PyObject* as_struct(PyObject* self, PyObject* schema) {
  const AnyPointer& any = state<AnyPointer>(self);
  TablesPtr tables;
  if (!any.memory->check_open() || !schema_argument(schema, &tables)) return nullptr;
  if (!tables) return raise(POLYBUS_INVALID_ARGUMENT, "schema: expected a polybus.Schema, got None");
  polybus_struct view{};
  polybus_error error{};
  const int code = any.in_list ? polybus_list_get_struct(&any.list, any.index, &view, &error)
                               : polybus_struct_get_struct(&any.in_struct, any.index, &view, &error);
  if (!found(code, error)) return nullptr;
  return create<Message>(Memory::with_tables(any.memory, tables), &tables->structs[0], view);
}

// "UInt8", "Text", "List(Float32)": of what there are names for everywhere.
bool parse_builtin(PyObject* name, polybus_type* type) {
  static const char* const kNames[] = {"Void",   "Bool",   "Int8",    "Int16",   "Int32", "Int64", "UInt8", "UInt16",
                                       "UInt32", "UInt64", "Float32", "Float64", nullptr, "Text",  "Data"};
  const char* text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, nullptr) : nullptr;
  if (!text) {
    PyErr_Clear();
    return false;
  }
  std::string_view rest(text);
  *type = {-1, 0, -1};
  while (rest.starts_with("List(") && rest.ends_with(")")) {
    rest = rest.substr(5, rest.size() - 6);
    ++type->list_depth;
  }
  for (int32_t kind = 0; kind <= POLYBUS_KIND_DATA; ++kind) {
    if (kNames[kind] && rest == kNames[kind]) type->kind = kind;
  }
  return type->kind >= 0;
}

PyObject* as_list(PyObject* self, PyObject* element) {
  const AnyPointer& any = state<AnyPointer>(self);
  if (!any.memory->check_open()) return nullptr;
  MemoryPtr memory = any.memory;
  polybus_type type{POLYBUS_KIND_STRUCT, 0, 0};
  if (is_a<Schema>(element)) {
    memory = Memory::with_tables(memory, state<Schema>(element).tables);
  } else if (!parse_builtin(element, &type)) {
    return raise(POLYBUS_INVALID_ARGUMENT,
                 "element: expected a polybus.Schema or the name of a type like \"Int32\", \"Text\" or "
                 "\"List(Float32)\"");
  }
  polybus_list view{};
  polybus_error error{};
  const int code = any.in_list ? polybus_list_get_list(&any.list, any.index, type, &view, &error)
                               : polybus_struct_get_list(&any.in_struct, any.index, type, &view, &error);
  return found(code, error) ? new_list(memory, type, view) : nullptr;
}

PyObject* as_text(PyObject* self, PyObject*) {
  const AnyPointer& any = state<AnyPointer>(self);
  if (!any.memory->check_open()) return nullptr;
  const char* text = "";
  size_t size = 0;
  polybus_error error{};
  const int code = any.in_list ? polybus_list_get_text(&any.list, any.index, &text, &size, &error)
                               : polybus_struct_get_text(&any.in_struct, any.index, &text, &size, &error);
  return found(code, error) ? PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(size), "replace") : nullptr;
}

PyObject* as_data(PyObject* self, PyObject*) {
  const AnyPointer& any = state<AnyPointer>(self);
  if (!any.memory->check_open()) return nullptr;
  const void* data = nullptr;
  size_t size = 0;
  polybus_error error{};
  const int code = any.in_list ? polybus_list_get_data(&any.list, any.index, &data, &size, &error)
                               : polybus_struct_get_data(&any.in_struct, any.index, &data, &size, &error);
  return found(code, error) ? memoryview_of(any.memory, data, size) : nullptr;
}

PyObject* repr(PyObject* self) {
  Ref kind = Ref::steal(get_kind(self, nullptr));
  return kind ? PyUnicode_FromFormat("<AnyPointer to a %U>", kind.get()) : nullptr;
}

PyDoc_STRVAR(
    kDoc,
    "A field of type AnyPointer that is set (a null one reads as None): a struct, list, text or data of a type "
    "that\nthe program knows and the schema does not.\n\n"
    "Can be assigned to an AnyPointer field of another message, which copies all below it.\n\n"
    "Lifetime and thread safety: as Message. All methods raise BadMessageError if something else lies there.");

PyMethodDef methods[] = {
    {"as_struct", method(as_struct), METH_O,
     PyDoc_STR("as_struct($self, schema, /)\n--\n\nThe struct there as a Message of type `schema`.")},
    {"as_list", method(as_list), METH_O,
     PyDoc_STR("as_list($self, element, /)\n--\n\nThe list there as a List.\n\n"
               "element: a Schema for structs, else the name of a type: \"Int32\", \"Text\", \"List(Float32)\".")},
    {"as_text", method(as_text), METH_NOARGS, PyDoc_STR("as_text($self, /)\n--\n\nThe text there, as str.")},
    {"as_data", method(as_data), METH_NOARGS,
     PyDoc_STR("as_data($self, /)\n--\n\nThe bytes there, as a read-only memoryview.")},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef properties[] = {
    {"kind", get_kind, nullptr, "\"struct\", \"list\" (text and data are lists too) or \"capability\".", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_dealloc, slot(destroy<AnyPointer>)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_repr, slot(repr)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.AnyPointer", sizeof(Object<AnyPointer>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

PyObject* read_any_pointer(const Message& message, const polybus_field& field) {
  AnyPointer any{message.memory, false, message.view, {}, field.pointer_index, 0};
  polybus_error error{};
  if (!check(polybus_struct_get_pointer_kind(&any.in_struct, any.index, &any.kind, &error), error)) return nullptr;
  return any.kind == POLYBUS_POINTER_NULL ? none() : create<AnyPointer>(std::move(any));
}

PyObject* read_any_pointer(const List& list, uint32_t index) {
  AnyPointer any{list.memory, true, {}, list.view, index, 0};
  polybus_error error{};
  if (!check(polybus_list_get_pointer_kind(&any.list, any.index, &any.kind, &error), error)) return nullptr;
  return any.kind == POLYBUS_POINTER_NULL ? none() : create<AnyPointer>(std::move(any));
}

bool add_any_pointer_types(PyObject* module) {
  type_of<AnyPointer> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<AnyPointer> &&
         PyModule_AddObjectRef(module, "AnyPointer", reinterpret_cast<PyObject*>(type_of<AnyPointer>)) == 0;
}

}  // namespace polybus_python

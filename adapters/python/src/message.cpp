#include "message.hpp"

#include "any_pointer.hpp"
#include "errors.hpp"
#include "list.hpp"
#include "plain.hpp"
#include "scalar.hpp"

namespace polybus_python {
namespace {

constexpr polybus_struct kEmptyStruct{};  // what a null pointer stands for: every field has its default

const StructTable& struct_table(const Message& message, const polybus_type& type) {
  return message.tables().structs[static_cast<size_t>(type.index)];
}

// A null pointer of a field that has a default: the root of the default's frame is a struct with that one pointer.
PyObject* read_default(const Message& message, const polybus_field& field);

PyObject* read_text(const Message& message, const polybus_field& field) {
  const char* text = "";
  size_t size = 0;
  polybus_error error{};
  const int code = polybus_struct_get_text(&message.view, field.pointer_index, &text, &size, &error);
  if (code == POLYBUS_EMPTY) return field.default_frame ? read_default(message, field) : PyUnicode_FromString("");
  if (!check(code, error)) return nullptr;
  return PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(size), "replace");
}

PyObject* read_data(const Message& message, const polybus_field& field) {
  const void* data = nullptr;
  size_t size = 0;
  polybus_error error{};
  const int code = polybus_struct_get_data(&message.view, field.pointer_index, &data, &size, &error);
  if (code == POLYBUS_EMPTY)
    return field.default_frame ? read_default(message, field) : memoryview_of(message.memory, nullptr, 0);
  return check(code, error) ? memoryview_of(message.memory, data, size) : nullptr;
}

PyObject* read_struct(const Message& message, const polybus_field& field) {
  polybus_struct view{};
  polybus_error error{};
  const int code = polybus_struct_get_struct(&message.view, field.pointer_index, &view, &error);
  if (code == POLYBUS_EMPTY) {
    if (field.default_frame) return read_default(message, field);
    view = kEmptyStruct;
  } else if (!check(code, error)) {
    return nullptr;
  }
  return create<Message>(message.memory, &struct_table(message, field.type), view);
}

PyObject* read_list(const Message& message, const polybus_field& field) {
  const polybus_type element{field.type.kind, field.type.list_depth - 1, field.type.index};
  polybus_list view{};
  polybus_error error{};
  const int code = polybus_struct_get_list(&message.view, field.pointer_index, element, &view, &error);
  if (code == POLYBUS_EMPTY) {
    if (field.default_frame) return read_default(message, field);
    view = polybus_list{};
  } else if (!check(code, error)) {
    return nullptr;
  }
  return new_list(message.memory, element, view);
}

PyObject* read_any(const Message& message, const polybus_field& field) {
  Ref any = Ref::steal(read_any_pointer(message, field));
  return any && any.get() == Py_None && field.default_frame ? read_default(message, field) : any.release();
}

PyObject* read_default(const Message& message, const polybus_field& field) {
  MemoryPtr memory = Memory::of_default(field, message.memory->shared_tables());
  Message holder{memory, message.table, {}};
  if (!memory->root(&holder.view)) return nullptr;
  polybus_field first = field;
  first.pointer_index = 0;
  first.default_frame = nullptr;
  first.discriminant = -1;
  return read_field(holder, first);
}

PyObject* getattro(PyObject* self, PyObject* name) {
  const Message& message = state<Message>(self);
  const int position = message.table->find(name);
  if (position >= 0) return read_field(message, message.table->field(position));
  PyObject* attribute = PyObject_GenericGetAttr(self, name);
  if (attribute || !PyErr_ExceptionMatches(PyExc_AttributeError)) return attribute;
  // Probes of the interpreter and of numpy ("__array_interface__") are not worth a friendly text.
  if (PyUnicode_Check(name) && PyUnicode_GetLength(name) > 0 && PyUnicode_ReadChar(name, 0) == '_') return nullptr;
  PyErr_Clear();
  return no_such_field(*message.table, name);
}

PyObject* subscript(PyObject* self, PyObject* name) {
  const Message& message = state<Message>(self);
  const int position = message.table->find(name);
  if (position >= 0) return read_field(message, message.table->field(position));
  return no_such_field(*message.table, name);
}

// `name in message`: is it among the keys of to_dict()?
int contains(PyObject* self, PyObject* name) {
  const Message& message = state<Message>(self);
  const int position = message.table->find(name);
  if (position < 0) return 0;
  if (!message.memory->check_open()) return -1;
  const polybus_field& field = message.table->field(position);
  if (field.discriminant >= 0) return union_tag(*message.table, message.view) == field.discriminant;
  if (field.is_group || is_scalar(field.type)) return 1;
  return is_present(message, field);
}

PyObject* message_which(PyObject* self, PyObject*) {
  const Message& message = state<Message>(self);
  if (!message.memory->check_open()) return nullptr;
  return which(*message.table, message.view);
}

PyObject* message_to_dict(PyObject* self, PyObject*) { return to_dict(state<Message>(self)); }

PyObject* message_to_json(PyObject* self, PyObject*) { return to_json(state<Message>(self)); }

PyObject* message_dir(PyObject* self, PyObject*) {
  PyObject* names = PyObject_CallMethod(reinterpret_cast<PyObject*>(&PyBaseObject_Type), "__dir__", "O", self);
  for (const Ref& name : state<Message>(self).table->names) {
    if (names && PyList_Append(names, name.get()) < 0) Py_CLEAR(names);
  }
  return names;
}

PyObject* repr(PyObject* self) {
  const Message& message = state<Message>(self);
  if (!message.memory->is_open()) return PyUnicode_FromFormat("<%s, released>", message.table->info->name);
  Ref values = Ref::steal(to_dict(message));
  if (!values) return nullptr;
  PyObject* shorten = python_helper("_text", "message");
  return shorten ? PyObject_CallFunction(shorten, "sO", message.table->info->name, values.get()) : nullptr;
}

PyObject* compare(PyObject* self, PyObject* other, int operation) {
  if ((operation != Py_EQ && operation != Py_NE) || (!is_a<Message>(other) && !PyDict_Check(other))) {
    Py_INCREF(Py_NotImplemented);
    return Py_NotImplemented;
  }
  Ref left = Ref::steal(to_dict(state<Message>(self)));
  Ref right = is_a<Message>(other) ? Ref::steal(to_dict(state<Message>(other))) : Ref::borrow(other);
  return left && right ? PyObject_RichCompare(left.get(), right.get(), operation) : nullptr;
}

PyDoc_STRVAR(
    kMessageDoc,
    "One struct or group of a received message, read where it lies in shared memory.\n\n"
    "Fields are attributes, in the schema's own spelling: `sample.msg.frameId`. Numbers are int and float, Bool is\n"
    "bool, enums are str (an unknown one its number), Void is None, Text is str, Data a read-only memoryview, lists\n"
    "are `List`, structs and groups `Message`, AnyPointer `AnyPointer` or None. A null pointer reads as its default: "
    "'', empty, all defaults.\n"
    "A field that the writer did not know reads as its default.\n\n"
    "Field names win over the methods below: for a field called `which` use `msg['which']` and\n"
    "`polybus.which(msg)`. `name in msg` tells whether `to_dict()` would have it. Equal to a message or dict with\n"
    "the same content.\n\n"
    "Lifetime: keeps the sample's memory until it is dropped. After an explicit `sample.release()` every access\n"
    "raises ClosedError.\n"
    "Thread safety: any number of threads may read.\n"
    "Raises FieldError for an unknown field and for an inactive union member, BadMessageError where the bytes are\n"
    "damaged.");

PyMethodDef methods[] = {
    {"which", method(message_which), METH_NOARGS,
     PyDoc_STR("which($self, /)\n--\n\nName of the active member of this struct's unnamed union (of this group's, for "
               "a named union).\n\n"
               "An int if the writer's schema knows a member that ours does not. InvalidArgumentError if there is no "
               "union.")},
    {"to_dict", method(message_to_dict), METH_NOARGS,
     PyDoc_STR(
         "to_dict($self, /)\n--\n\nThe message as plain Python values, copied.\n\n"
         "Keys in the schema's order; of a union the active member only, None if it is a null pointer; groups\n"
         "nested; scalars with their defaults; other null pointers left out. Lists are lists, Data is bytes, enums\n"
         "str (unknown ones int), Void None. Publishing the dict publishes the same message. AnyPointer and\n"
         "interface fields that are set are None.\n\n"
         "BadMessageError if the message claims more elements than its bytes could carry.")},
    {"to_json", method(message_to_json), METH_NOARGS,
     PyDoc_STR("to_json($self, /)\n--\n\nThe message as JSON text, by the one mapping of all languages "
               "(docs/json.md): as to_dict(), with 64-bit\n"
               "integers as strings, Data as base64, NaN and infinities as strings.\n\n"
               "BadMessageError as to_dict().")},
    {"__dir__", method(message_dir), METH_NOARGS, PyDoc_STR("__dir__($self, /)\n--\n\nFields and methods.")},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kMessageDoc)},
                       {Py_tp_dealloc, slot(destroy<Message>)},
                       {Py_tp_getattro, slot(getattro)},
                       {Py_tp_methods, methods},
                       {Py_tp_repr, slot(repr)},
                       {Py_tp_richcompare, slot(compare)},
                       {Py_tp_hash, slot(PyObject_HashNotImplemented)},
                       {Py_mp_subscript, slot(subscript)},
                       {Py_sq_contains, slot(contains)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.Message", sizeof(Object<Message>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

PyObject* new_message(const MemoryPtr& memory) {
  polybus_struct root;
  if (!memory->root(&root)) return nullptr;
  return create<Message>(memory, &memory->tables().structs[0], root);
}

uint16_t union_tag(const StructTable& table, const polybus_struct& view) {
  return static_cast<uint16_t>(load_bits(view.data, view.data_bits, table.info->union_bit_offset, 16));
}

int active_member(const StructTable& table, const polybus_struct& view) {
  const uint16_t tag = union_tag(table, view);
  for (uint32_t i = 0; i < table.info->field_count; ++i) {
    if (table.info->fields[i].discriminant == tag) return static_cast<int>(i);
  }
  return -1;
}

PyObject* which(const StructTable& table, const polybus_struct& view) {
  if (table.info->union_field_count == 0) {
    return raise(POLYBUS_INVALID_ARGUMENT, "%s has no unnamed union; ask the group of a named one", table.info->name);
  }
  const int active = active_member(table, view);
  return active >= 0 ? table.names[static_cast<size_t>(active)].new_reference()
                     : PyLong_FromLong(union_tag(table, view));
}

PyObject* no_such_field(const StructTable& table, PyObject* name) {
  const char* text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, nullptr) : nullptr;
  if (!text) PyErr_Clear();
  return raise_field_error("%s has no field \"%s\"; it has %s", table.info->name, text ? text : "?",
                           table.field_list().c_str());
}

PyObject* inactive_member(const StructTable& table, const polybus_field& field, const polybus_struct& view) {
  const int active = active_member(table, view);
  const std::string name = active >= 0 ? table.field(active).name : std::to_string(union_tag(table, view));
  return raise_field_error("%s: not the active member of its union, which is '%s' (see which())", field.name,
                           name.c_str());
}

PyObject* read_field(const Message& message, const polybus_field& field) {
  if (!message.memory->check_open()) return nullptr;
  if (field.discriminant >= 0 && union_tag(*message.table, message.view) != field.discriminant) {
    return inactive_member(*message.table, field, message.view);
  }
  if (is_scalar(field.type)) {
    const uint64_t raw =
        load_bits(message.view.data, message.view.data_bits, field.bit_offset, scalar_bits(field.type.kind));
    return scalar_to_python(message.tables(), field.type, raw ^ field.default_bits);
  }
  if (field.is_group) return create<Message>(message.memory, &struct_table(message, field.type), message.view);
  if (field.type.kind == POLYBUS_KIND_INTERFACE) {
    return raise(POLYBUS_INVALID_ARGUMENT, "%s: %s", field.name, kNoCapabilities);
  }
  if (field.type.list_depth > 0) return read_list(message, field);
  switch (field.type.kind) {
    case POLYBUS_KIND_TEXT: return read_text(message, field);
    case POLYBUS_KIND_DATA: return read_data(message, field);
    case POLYBUS_KIND_ANY: return read_any(message, field);
    default: return read_struct(message, field);
  }
}

int is_present(const Message& message, const polybus_field& field) {
  polybus_error error{};
  int code;
  if (field.type.list_depth > 0) {
    polybus_list list;
    const polybus_type element{field.type.kind, field.type.list_depth - 1, field.type.index};
    code = polybus_struct_get_list(&message.view, field.pointer_index, element, &list, &error);
  } else if (field.type.kind == POLYBUS_KIND_STRUCT) {
    polybus_struct view;
    code = polybus_struct_get_struct(&message.view, field.pointer_index, &view, &error);
  } else if (field.type.kind == POLYBUS_KIND_TEXT) {
    const char* text;
    size_t size;
    code = polybus_struct_get_text(&message.view, field.pointer_index, &text, &size, &error);
  } else if (field.type.kind == POLYBUS_KIND_DATA) {
    const void* data;
    size_t size;
    code = polybus_struct_get_data(&message.view, field.pointer_index, &data, &size, &error);
  } else {
    int32_t kind = POLYBUS_POINTER_NULL;
    code = polybus_struct_get_pointer_kind(&message.view, field.pointer_index, &kind, &error);
    if (code == POLYBUS_OK) return kind != POLYBUS_POINTER_NULL;
  }
  if (code == POLYBUS_EMPTY) return 0;
  return check(code, error) ? 1 : -1;
}

bool add_message_types(PyObject* module) {
  type_of<Message> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<Message> &&
         PyModule_AddObjectRef(module, "Message", reinterpret_cast<PyObject*>(type_of<Message>)) == 0;
}

}  // namespace polybus_python

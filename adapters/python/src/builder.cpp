#include "builder.hpp"

#include "errors.hpp"
#include "fill.hpp"
#include "message.hpp"
#include "plain.hpp"
#include "scalar.hpp"

namespace polybus_python {
namespace {

const StructTable& struct_table(const MessageBuilder& builder, const polybus_type& type) {
  return builder.tables().structs[static_cast<size_t>(type.index)];
}

std::string field_path(const MessageBuilder& builder, const polybus_field& field) {
  return builder.path.empty() ? field.name : builder.path + "." + field.name;
}

polybus_type element_of(const polybus_type& type) { return {type.kind, type.list_depth - 1, type.index}; }

bool is_active(const MessageBuilder& builder, const polybus_field& field) {
  const uint32_t at = builder.table->info->union_bit_offset;
  return field.discriminant < 0 ||
         load_bits(builder.view.data, builder.view.data_bits, at, 16) == static_cast<uint64_t>(field.discriminant);
}

// What is there, for reading: texts, and defaults of pointers that are not set.
bool as_reader(const MessageBuilder& builder, Message* message) {
  polybus_error error{};
  message->table = builder.table;
  message->memory = Memory::of_own(builder.building->tables());
  return check(polybus_struct_as_reader(&builder.view, &message->view, &error), error);
}

// A struct that is not there yet is made, with its default if it has one, so that `draft.msg.pose.x = 1` works.
bool edit_struct(MessageBuilder& builder, const polybus_field& field, polybus_struct_builder* inner) {
  const polybus_struct_info& info = *struct_table(builder, field.type).info;
  polybus_error error{};
  const auto edit = [&] {
    return polybus_struct_edit_struct(&builder.view, field.pointer_index, info.data_words, info.pointer_count, inner,
                                      &error);
  };
  int code = edit();
  if (code != POLYBUS_EMPTY) return check(code, error);
  if (!field.default_frame) {
    return check(polybus_struct_init_struct(&builder.view, field.pointer_index, info.data_words, info.pointer_count,
                                            inner, &error),
                 error);
  }
  MemoryPtr memory = Memory::of_default(field, builder.building->tables());
  polybus_struct holder, value;
  return memory->root(&holder) && check(polybus_struct_get_struct(&holder, 0, &value, &error), error) &&
         check(polybus_struct_copy_struct(&builder.view, field.pointer_index, &value, &error), error) &&
         check(edit(), error);
}

PyObject* get_text(MessageBuilder& builder, const polybus_field& field) {
  Message message{};
  if (!as_reader(builder, &message)) return nullptr;
  const char* text = "";
  size_t size = 0;
  polybus_error error{};
  const int code = polybus_struct_get_text(&message.view, field.pointer_index, &text, &size, &error);
  if (code == POLYBUS_EMPTY && field.default_frame) {
    MemoryPtr memory = Memory::of_default(field, builder.building->tables());
    polybus_struct holder;
    if (!memory->root(&holder)) return nullptr;
    if (!check(polybus_struct_get_text(&holder, 0, &text, &size, &error), error)) return nullptr;
    return PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(size), "replace");
  }
  if (code != POLYBUS_EMPTY && !check(code, error)) return nullptr;
  return PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(size), "replace");
}

PyObject* get_data(MessageBuilder& builder, const polybus_field& field) {
  uint8_t* data = nullptr;
  size_t size = 0;
  polybus_error error{};
  const int code = polybus_struct_edit_data(&builder.view, field.pointer_index, &data, &size, &error);
  if (code != POLYBUS_EMPTY && !check(code, error)) return nullptr;
  return writable_memoryview(builder.building, data, size);
}

PyObject* get_list(MessageBuilder& builder, const polybus_field& field) {
  const polybus_type element = element_of(field.type);
  uint16_t data_words = 0, pointer_count = 0;
  if (element.list_depth == 0 && element.kind == POLYBUS_KIND_STRUCT) {
    data_words = struct_table(builder, element).info->data_words;
    pointer_count = struct_table(builder, element).info->pointer_count;
  }
  polybus_list_builder list{};
  polybus_error error{};
  const int code =
      polybus_struct_edit_list(&builder.view, field.pointer_index, element, data_words, pointer_count, &list, &error);
  if (code == POLYBUS_EMPTY)
    list = polybus_list_builder{};
  else if (!check(code, error))
    return nullptr;
  return new_list_builder(builder.building, element, list, field_path(builder, field));
}

PyObject* get_field(MessageBuilder& builder, const polybus_field& field) {
  if (!builder.building->check_open()) return nullptr;
  if (!is_active(builder, field)) {
    return raise_field_error("%s: not the active member of its union: assign it, or call init('%s')",
                             field_path(builder, field).c_str(), field.name);
  }
  if (is_scalar(field.type)) {
    const uint32_t bits = scalar_bits(field.type.kind);
    const uint64_t raw = load_bits(builder.view.data, builder.view.data_bits, field.bit_offset, bits);
    return scalar_to_python(builder.tables(), field.type, raw ^ field.default_bits);
  }
  if (field.is_group) {
    return new_message_builder(builder.building, struct_table(builder, field.type), builder.view,
                               field_path(builder, field));
  }
  if (field.type.list_depth > 0) return get_list(builder, field);
  switch (field.type.kind) {
    case POLYBUS_KIND_TEXT: return get_text(builder, field);
    case POLYBUS_KIND_DATA: return get_data(builder, field);
    case POLYBUS_KIND_STRUCT: {
      polybus_struct_builder inner{};
      if (!edit_struct(builder, field, &inner)) return nullptr;
      return new_message_builder(builder.building, struct_table(builder, field.type), inner,
                                 field_path(builder, field));
    }
    case POLYBUS_KIND_ANY:
      return raise(POLYBUS_INVALID_ARGUMENT, "%s: an AnyPointer can be assigned, but not read while a message is built",
                   field_path(builder, field).c_str());
    default: return raise(POLYBUS_INVALID_ARGUMENT, "%s: %s", field_path(builder, field).c_str(), kNoCapabilities);
  }
}

PyObject* getattro(PyObject* self, PyObject* name) {
  MessageBuilder& builder = state<MessageBuilder>(self);
  const int position = builder.table->find(name);
  if (position >= 0) return get_field(builder, builder.table->field(position));
  PyObject* attribute = PyObject_GenericGetAttr(self, name);
  if (attribute || !PyErr_ExceptionMatches(PyExc_AttributeError)) return attribute;
  if (PyUnicode_Check(name) && PyUnicode_GetLength(name) > 0 && PyUnicode_ReadChar(name, 0) == '_') return nullptr;
  PyErr_Clear();
  find_field(*builder.table, name, Path(builder.path));
  return nullptr;
}

PyObject* subscript(PyObject* self, PyObject* name) {
  MessageBuilder& builder = state<MessageBuilder>(self);
  const int position = find_field(*builder.table, name, Path(builder.path));
  return position < 0 ? nullptr : get_field(builder, builder.table->field(position));
}

// `value` NULL: del builder.name, back to the default.
int setattro(PyObject* self, PyObject* name, PyObject* value) {
  MessageBuilder& builder = state<MessageBuilder>(self);
  const Path root(builder.path);
  if (!builder.building->check_open()) return -1;
  const int position = find_field(*builder.table, name, root);
  if (position < 0) return -1;
  const Path path(root, name);
  const bool done = value ? write_field(builder.tables(), *builder.table, position, &builder.view, value, path)
                          : clear_field(builder.tables(), builder.table->field(position), &builder.view, path);
  return done ? 0 : -1;
}

PyObject* init_sized(MessageBuilder& builder, const polybus_field& field, Py_ssize_t size) {
  if (size < 0 || size >= (Py_ssize_t{1} << 29)) {
    return raise(POLYBUS_INVALID_ARGUMENT, "%s: expected a size of 0 to 536870911, got %zd",
                 field_path(builder, field).c_str(), size);
  }
  polybus_error error{};
  if (field.type.list_depth == 0) {
    uint8_t* data = nullptr;
    const int code =
        polybus_struct_init_data(&builder.view, field.pointer_index, static_cast<size_t>(size), &data, &error);
    return check(code, error) ? writable_memoryview(builder.building, data, static_cast<size_t>(size)) : nullptr;
  }
  const polybus_type element = element_of(field.type);
  polybus_list_builder list{};
  const ListPlace place{&builder.view, nullptr, field.pointer_index};
  if (!check(place.init(builder.tables(), element, static_cast<uint32_t>(size), &list, &error), error)) return nullptr;
  return new_list_builder(builder.building, element, list, field_path(builder, field));
}

PyObject* init_struct(MessageBuilder& builder, const polybus_field& field) {
  const StructTable& table = struct_table(builder, field.type);
  polybus_struct_builder inner{};
  polybus_error error{};
  const int code = polybus_struct_init_struct(&builder.view, field.pointer_index, table.info->data_words,
                                              table.info->pointer_count, &inner, &error);
  if (!check(code, error)) return nullptr;
  return new_message_builder(builder.building, table, inner, field_path(builder, field));
}

PyObject* init(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  MessageBuilder& builder = state<MessageBuilder>(self);
  if (count < 1 || count > 2) return PyErr_Format(PyExc_TypeError, "init(name, size) takes one or two arguments");
  const Path root(builder.path);
  if (!builder.building->check_open()) return nullptr;
  const int position = find_field(*builder.table, args[0], root);
  if (position < 0) return nullptr;
  const polybus_field& field = builder.table->field(position);
  const Path path(root, args[0]);
  const bool is_sized = field.type.list_depth > 0 || field.type.kind == POLYBUS_KIND_DATA;
  const bool is_struct = field.type.list_depth == 0 && field.type.kind == POLYBUS_KIND_STRUCT;
  if (!is_sized && !is_struct) {
    path.invalid("init() is for lists, Data, structs and groups: assign to a " +
                 type_text(builder.tables(), field.type));
    return nullptr;
  }
  if (is_sized != (count == 2)) {
    path.invalid(is_sized ? "init() wants a number of elements" : "init() takes no size for a struct");
    return nullptr;
  }
  if (!select_member(builder.tables(), *builder.table, field, &builder.view, path)) return nullptr;
  if (is_sized) {
    const Py_ssize_t size = PyNumber_AsSsize_t(args[1], PyExc_OverflowError);
    if (size == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      path.expected("a number of elements", args[1]);
      return nullptr;
    }
    return init_sized(builder, field, size);
  }
  if (!field.is_group) return init_struct(builder, field);
  if (!clear_field(builder.tables(), field, &builder.view, path)) return nullptr;
  return get_field(builder, field);
}

PyObject* builder_which(PyObject* self, PyObject*) {
  MessageBuilder& builder = state<MessageBuilder>(self);
  Message message{};
  if (!builder.building->check_open() || !as_reader(builder, &message)) return nullptr;
  return which(*builder.table, message.view);
}

PyObject* builder_to_dict(PyObject* self, PyObject*) { return to_dict(state<MessageBuilder>(self)); }

PyObject* builder_to_json(PyObject* self, PyObject*) {
  MessageBuilder& builder = state<MessageBuilder>(self);
  Message message{};
  if (!builder.building->check_open() || !as_reader(builder, &message)) return nullptr;
  return to_json(message);
}

PyObject* builder_dir(PyObject* self, PyObject*) {
  PyObject* names = PyObject_CallMethod(reinterpret_cast<PyObject*>(&PyBaseObject_Type), "__dir__", "O", self);
  for (const Ref& name : state<MessageBuilder>(self).table->names) {
    if (names && PyList_Append(names, name.get()) < 0) Py_CLEAR(names);
  }
  return names;
}

PyObject* repr(PyObject* self) {
  MessageBuilder& builder = state<MessageBuilder>(self);
  if (!builder.building->is_open())
    return PyUnicode_FromFormat("<%s, published or discarded>", builder.table->info->name);
  Ref values = Ref::steal(to_dict(builder));
  if (!values) return nullptr;
  PyObject* shorten = python_helper("_text", "message");
  return shorten ? PyObject_CallFunction(shorten, "sO", builder.table->info->name, values.get()) : nullptr;
}

PyDoc_STRVAR(
    kDoc,
    "One struct or group of a message being written, straight into the memory it will be read from.\n\n"
    "Fields are attributes. Assigning takes what `Publisher.publish` takes, lists and structs as a whole included;\n"
    "assigning a member of a union makes it the active one; `del` sets a field back to its default. Reading gives\n"
    "numbers, str and bool as in `Message`, Data as a writable memoryview, lists as `ListBuilder`, structs and groups\n"
    "as `MessageBuilder` (a struct that is not there yet is made).\n\n"
    "Field names win over the methods below; `builder['name']` works for every field.\n\n"
    "Lifetime: until the draft is published or discarded; then every access raises ClosedError. Arrays made from it\n"
    "stay valid memory, but must not be written to after publishing: readers may see it, or a later message.\n"
    "Thread safety: one thread at a time.\n"
    "Raises InvalidArgumentError with the field's path (`hail[1].mm: expected UInt8, got string`); a refused number or "
    "text\n"
    "leaves the field as it was, a list or struct is left half written. NoMemoryError, TooLargeError if the message\n"
    "outgrows what there is.");

PyMethodDef methods[] = {
    {"init", method(init), METH_FASTCALL,
     PyDoc_STR("init($self, name, size=None, /)\n--\n\nMakes a list, Data, struct or group, zeroed, in place of what "
               "was there, and returns it for writing.\n\n"
               "size: elements of a list, bytes of a Data; left out for structs and groups.\n"
               "Returns a ListBuilder (numpy.asarray(it) is a writable array of shape (size,)), a writable memoryview "
               "of size\n"
               "bytes, or a MessageBuilder. A member of a union becomes the active one.\n"
               "Each init takes new memory from the message; the former value's is not used again.")},
    {"which", method(builder_which), METH_NOARGS,
     PyDoc_STR("which($self, /)\n--\n\nName of the active member of this struct's unnamed union (of this group's, for "
               "a named union).")},
    {"to_dict", method(builder_to_dict), METH_NOARGS,
     PyDoc_STR("to_dict($self, /)\n--\n\nWhat has been written so far, as Message.to_dict() of it.")},
    {"to_json", method(builder_to_json), METH_NOARGS,
     PyDoc_STR("to_json($self, /)\n--\n\nWhat has been written so far, as Message.to_json() of it.")},
    {"__dir__", method(builder_dir), METH_NOARGS, PyDoc_STR("__dir__($self, /)\n--\n\nFields and methods.")},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_dealloc, slot(destroy<MessageBuilder>)},
                       {Py_tp_getattro, slot(getattro)},
                       {Py_tp_setattro, slot(setattro)},
                       {Py_tp_methods, methods},
                       {Py_tp_repr, slot(repr)},
                       {Py_mp_subscript, slot(subscript)},
                       {Py_mp_ass_subscript, slot(setattro)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.MessageBuilder", sizeof(Object<MessageBuilder>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

PyObject* new_message_builder(const BuildingPtr& building, const StructTable& table, const polybus_struct_builder& view,
                              std::string path) {
  return create<MessageBuilder>(building, &table, view, std::move(path));
}

PyObject* to_dict(const MessageBuilder& builder) {
  if (!builder.building->check_open()) return nullptr;
  Message message{};
  return as_reader(builder, &message) ? to_dict(message) : nullptr;
}

bool add_message_builder_types(PyObject* module) {
  type_of<MessageBuilder> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<MessageBuilder> &&
         PyModule_AddObjectRef(module, "MessageBuilder", reinterpret_cast<PyObject*>(type_of<MessageBuilder>)) == 0;
}

}  // namespace polybus_python

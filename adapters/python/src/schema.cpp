#include "schema.hpp"

#include <cstring>

#include "builder.hpp"
#include "errors.hpp"
#include "fill.hpp"
#include "message.hpp"

namespace polybus_python {
namespace {

const polybus_schema* handle(PyObject* self) { return state<Schema>(self).tables->handle; }

PyObject* get_name(PyObject* self, void*) {
  return PyUnicode_FromString(state<Schema>(self).tables->structs[0].info->name);
}
PyObject* get_type_name(PyObject* self, void*) { return PyUnicode_FromString(polybus_schema_type_name(handle(self))); }
PyObject* get_fingerprint(PyObject* self, void*) {
  return PyUnicode_FromString(polybus_schema_fingerprint(handle(self)));
}
PyObject* get_id(PyObject* self, void*) { return PyLong_FromUnsignedLongLong(polybus_schema_id(handle(self))); }
PyObject* get_bundle(PyObject* self, void*) {
  size_t size = 0;
  const void* bundle = polybus_schema_bundle(handle(self), &size);
  return PyBytes_FromStringAndSize(static_cast<const char*>(bundle), static_cast<Py_ssize_t>(size));
}
PyObject* get_fields(PyObject* self, void*) {
  const StructTable& root = state<Schema>(self).tables->structs[0];
  Ref names = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(root.names.size())));
  for (size_t i = 0; names && i < root.names.size(); ++i) {
    PyTuple_SetItem(names.get(), static_cast<Py_ssize_t>(i), root.names[i].new_reference());
  }
  return names.release();
}

PyObject* decode(PyObject* self, PyObject* buffer) {
  if (!PyObject_CheckBuffer(buffer)) {
    TypeName type(buffer);
    return raise(POLYBUS_INVALID_ARGUMENT, "decode: expected bytes or another buffer, got %s", type.text());
  }
  MemoryPtr memory = Memory::of_buffer(buffer, state<Schema>(self).tables);
  return memory ? new_message(memory) : nullptr;
}

PyObject* encode(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const TablesPtr& tables = state<Schema>(self).tables;
  polybus_builder* builder = nullptr;
  polybus_struct_builder root{};
  polybus_error error{};
  if (!check(polybus_builder_open(tables->handle, &builder, &root, &error), error)) return nullptr;
  Building building(builder, tables);
  if (!write_arguments(*tables, &root, args, count, names)) return nullptr;
  const void* frame = nullptr;
  size_t size = 0;
  if (!check(polybus_builder_frame(builder, &frame, &size, &error), error)) return nullptr;
  return PyBytes_FromStringAndSize(static_cast<const char*>(frame), static_cast<Py_ssize_t>(size));
}

PyObject* from_bundle(PyObject*, PyObject* args) {
  Py_buffer bundle{};
  if (!PyArg_ParseTuple(args, "y*:from_bundle", &bundle)) return nullptr;
  polybus_schema* schema = nullptr;
  polybus_error error{};
  const int code = polybus_schema_from_bundle(bundle.buf, static_cast<size_t>(bundle.len), &schema, &error);
  PyBuffer_Release(&bundle);
  if (!check(code, error)) return nullptr;
  return new_schema(tables_of(schema));
}

// The nested type `name` of a schema whose file we have; NULL without an error set if there is none.
PyObject* nested_type(Schema& schema, PyObject* name) {
  if (!schema.file) return nullptr;
  if (PyObject* known = PyDict_GetItemWithError(schema.nested.get(), name)) return Ref::borrow(known).release();
  const char* text = PyUnicode_AsUTF8AndSize(name, nullptr);
  if (!text) return nullptr;
  const std::string full_name = schema.full_name + "." + text;
  polybus_schema* found = nullptr;
  if (polybus_schema_file_get(schema.file->file, full_name.c_str(), &found, nullptr) != POLYBUS_OK) return nullptr;
  Ref type = Ref::steal(create<Schema>(tables_of(found), full_name, schema.file, Ref::steal(PyDict_New())));
  if (type) PyDict_SetItem(schema.nested.get(), name, type.get());
  return type.release();
}

PyObject* constant_or_nested(Schema& schema, PyObject* name) {
  if (!schema.file) return nullptr;
  PyObject* constant = constant_of(*schema.file, schema.full_name, name);
  return constant || PyErr_Occurred() ? constant : nested_type(schema, name);
}

PyObject* getattro(PyObject* self, PyObject* name) {
  PyObject* attribute = PyObject_GenericGetAttr(self, name);
  if (attribute || !PyErr_ExceptionMatches(PyExc_AttributeError)) return attribute;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyObject* nested = constant_or_nested(state<Schema>(self), name);
  if (!nested) {
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return nullptr;
  }
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(traceback);
  return nested;
}

PyObject* repr(PyObject* self) {
  return PyUnicode_FromFormat("<polybus.Schema %s>", polybus_schema_type_name(handle(self)));
}

PyObject* compare(PyObject* self, PyObject* other, int operation) {
  if ((operation != Py_EQ && operation != Py_NE) || !is_a<Schema>(other)) {
    Py_INCREF(Py_NotImplemented);
    return Py_NotImplemented;
  }
  const bool equal = strcmp(polybus_schema_fingerprint(handle(self)), polybus_schema_fingerprint(handle(other))) == 0;
  return PyBool_FromLong(equal == (operation == Py_EQ));
}

Py_hash_t hash(PyObject* self) {
  Ref fingerprint = Ref::steal(get_fingerprint(self, nullptr));
  return fingerprint ? PyObject_Hash(fingerprint.get()) : -1;
}

PyDoc_STRVAR(kSchemaDoc,
             "The type of a topic's messages: a Cap'n Proto struct with all it refers to.\n\n"
             "From `load_schema(\"imu.capnp\").Imu`, from `sample.schema`, or `Schema.from_bundle(bytes)`. Types and "
             "constants in a type\n"
             "of a loaded file are its attributes: `Imu.Bias`. Equal if the fingerprints are.\n\n"
             "Lifetime: independent of buses, nodes and files. Immutable; any number of threads may use it.");

PyMethodDef schema_methods[] = {
    {"decode", method(decode), METH_O,
     PyDoc_STR(
         "decode($self, buffer, /)\n--\n\nReads a message in Cap'n Proto's stream framing, as `sample.data` has it and "
         "the `capnp` tool writes it.\n\n"
         "buffer: contiguous bytes; read where they lie (copied only if they are not 8-byte aligned) and kept alive.\n"
         "Returns a Message. Raises BadMessageError, InvalidArgumentError (no buffer).")},
    {"encode", method(encode), METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("encode($self, value=None, /, **fields)\n--\n\nThe bytes of a message in stream framing, made as "
               "`Publisher.publish` makes one.\n\n"
               "Raises InvalidArgumentError with the field's path.")},
    {"from_bundle", method(from_bundle), METH_VARARGS | METH_STATIC,
     PyDoc_STR("from_bundle(bundle, /)\n--\n\nA schema from a CodeGeneratorRequest in stream framing, its root type "
               "first: what `Schema.bundle` gives.\n\n"
               "Raises BadSchemaError.")},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef schema_properties[] = {
    {"name", get_name, nullptr, "Name in its file: \"Imu\", \"Outer.Inner\".", nullptr},
    {"type_name", get_type_name, nullptr, "Name with the file's: \"imu.capnp:Imu\".", nullptr},
    {"fingerprint", get_fingerprint, nullptr, "64 hexadecimal digits: SHA-256 over what matters on the wire.", nullptr},
    {"id", get_id, nullptr, "Cap'n Proto's 64-bit type id.", nullptr},
    {"fields", get_fields, nullptr, "Names of the fields in the schema's order.", nullptr},
    {"bundle", get_bundle, nullptr,
     "The type with all it refers to, as bytes (a CodeGeneratorRequest in stream framing).", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot schema_slots[] = {{Py_tp_doc, const_cast<char*>(kSchemaDoc)},
                              {Py_tp_dealloc, slot(destroy<Schema>)},
                              {Py_tp_getattro, slot(getattro)},
                              {Py_tp_methods, schema_methods},
                              {Py_tp_getset, schema_properties},
                              {Py_tp_repr, slot(repr)},
                              {Py_tp_richcompare, slot(compare)},
                              {Py_tp_hash, slot(hash)},
                              {0, nullptr}};
PyType_Spec schema_spec = {"polybus.Schema", sizeof(Object<Schema>), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, schema_slots};

}  // namespace

PyObject* new_schema(TablesPtr tables) {
  if (!tables) return nullptr;
  return create<Schema>(std::move(tables), std::string(), std::shared_ptr<SchemaFileHandle>(), Ref());
}

bool schema_argument(PyObject* object, TablesPtr* tables) {
  if (!object || object == Py_None) return true;
  if (is_a<Schema>(object)) {
    *tables = state<Schema>(object).tables;
    return true;
  }
  TypeName type(object);
  raise(POLYBUS_INVALID_ARGUMENT, "schema: expected a polybus.Schema (load_schema(path).Type) or None, got %s",
        type.text());
  return false;
}

bool add_schema_file_type(PyObject* module);

bool add_schema_types(PyObject* module) {
  type_of<Schema> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&schema_spec));
  return type_of<Schema> && add_schema_file_type(module) &&
         PyModule_AddObjectRef(module, "Schema", reinterpret_cast<PyObject*>(type_of<Schema>)) == 0;
}

}  // namespace polybus_python

// polybus.load_schema() and what it returns: one .capnp file as an object like a module.
#include <cstring>

#include "errors.hpp"
#include "message.hpp"
#include "schema.hpp"

namespace polybus_python {
namespace {

struct SchemaFile {
  std::shared_ptr<SchemaFileHandle> file;
  Ref path;   // str
  Ref types;  // dict: dotted name -> Schema, of those already looked up
};

// The type called `name`, NULL with BadSchemaError set, which names what there is.
PyObject* type_called(SchemaFile& self, PyObject* name) {
  if (PyObject* known = PyDict_GetItemWithError(self.types.get(), name)) return Ref::borrow(known).release();
  const char* text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, nullptr) : nullptr;
  if (!text) return PyErr_Occurred() ? nullptr : PyErr_Format(PyExc_TypeError, "type names are str");
  polybus_schema* found = nullptr;
  polybus_error error{};
  if (!check(polybus_schema_file_get(self.file->file, text, &found, &error), error)) return nullptr;
  Ref type = Ref::steal(create<Schema>(tables_of(found), std::string(text), self.file, Ref::steal(PyDict_New())));
  if (type) PyDict_SetItem(self.types.get(), name, type.get());
  return type.release();
}

bool has_type(const SchemaFile& self, PyObject* name) {
  const char* text = PyUnicode_AsUTF8AndSize(name, nullptr);
  if (!text) PyErr_Clear();
  const size_t count = polybus_schema_file_count(self.file->file);
  for (size_t i = 0; text && i < count; ++i) {
    if (strcmp(polybus_schema_file_name(self.file->file, i), text) == 0) return true;
  }
  return false;
}

PyObject* getattro(PyObject* self, PyObject* name) {
  SchemaFile& file = state<SchemaFile>(self);
  if (PyObject* known = PyDict_GetItemWithError(file.types.get(), name)) return Ref::borrow(known).release();
  if (has_type(file, name)) return type_called(file, name);
  PyObject* attribute = PyObject_GenericGetAttr(self, name);
  if (attribute || !PyErr_ExceptionMatches(PyExc_AttributeError)) return attribute;
  PyErr_Clear();
  if (PyObject* constant = constant_of(*file.file, std::string(), name)) return constant;
  if (PyErr_Occurred()) return nullptr;
  PyErr_Format(PyExc_AttributeError, "'polybus.SchemaFile' object has no attribute '%U'", name);
  if (PyUnicode_GetLength(name) > 0 && PyUnicode_ReadChar(name, 0) == '_') return nullptr;
  PyErr_Clear();
  const char* text = PyUnicode_AsUTF8AndSize(name, nullptr);
  const char* path = PyUnicode_AsUTF8AndSize(file.path.get(), nullptr);
  if (!text || !path) PyErr_Clear();
  std::string names;
  const size_t count = polybus_schema_file_count(file.file->file);
  for (size_t i = 0; i < count; ++i) names.append(i ? ", " : "").append(polybus_schema_file_name(file.file->file, i));
  return raise_field_error("%s has no struct type '%s'; there is: %s", path ? path : "?", text ? text : "?",
                           names.empty() ? "none" : names.c_str());
}

PyObject* subscript(PyObject* self, PyObject* name) { return type_called(state<SchemaFile>(self), name); }

PyObject* names(PyObject* self, void*) {
  const SchemaFile& file = state<SchemaFile>(self);
  const size_t count = polybus_schema_file_count(file.file->file);
  Ref all = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(count)));
  for (size_t i = 0; all && i < count; ++i) {
    PyTuple_SetItem(all.get(), static_cast<Py_ssize_t>(i),
                    PyUnicode_FromString(polybus_schema_file_name(file.file->file, i)));
  }
  return all.release();
}

PyObject* path(PyObject* self, void*) { return state<SchemaFile>(self).path.new_reference(); }

PyObject* dir(PyObject* self, PyObject*) {
  Ref known = Ref::steal(PyObject_CallMethod(reinterpret_cast<PyObject*>(&PyBaseObject_Type), "__dir__", "O", self));
  Ref types = Ref::steal(names(self, nullptr));
  return known && types ? PyObject_CallMethod(known.get(), "__add__", "N", PySequence_List(types.get())) : nullptr;
}

PyObject* repr(PyObject* self) {
  return PyUnicode_FromFormat("<polybus.SchemaFile %R>", state<SchemaFile>(self).path.get());
}

PyDoc_STRVAR(
    kFileDoc,
    "One .capnp file, as `load_schema` parsed it: its struct types are attributes (`file.Imu`), nested types theirs\n"
    "(`file.Imu.Bias`); `file['Imu.Bias']` works for every name of `names`. Constants are attributes, too, of the\n"
    "file or of the type they are written in, read as fields of a message are.\n\n"
    "Lifetime: types taken from it do not need it. Immutable; any number of threads may use it.");

PyMethodDef methods[] = {
    {"__dir__", method(dir), METH_NOARGS, PyDoc_STR("__dir__($self, /)\n--\n\nTypes and properties.")},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef properties[] = {
    {"path", path, nullptr, "The path that was loaded.", nullptr},
    {"names", names, nullptr, "All struct types in the file's order, nested ones as \"Outer.Inner\".", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kFileDoc)},
                       {Py_tp_dealloc, slot(destroy<SchemaFile>)},
                       {Py_tp_getattro, slot(getattro)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_repr, slot(repr)},
                       {Py_mp_subscript, slot(subscript)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.SchemaFile", sizeof(Object<SchemaFile>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

// str or os.PathLike as bytes for the system. NULL with a Python error set.
Ref path_bytes(PyObject* path) {
  PyObject* bytes = nullptr;
  if (PyUnicode_FSConverter(path, &bytes)) return Ref::steal(bytes);
  if (PyErr_ExceptionMatches(PyExc_ValueError)) {  // NUL
    PyErr_Clear();
    raise(POLYBUS_INVALID_ARGUMENT, "path: NUL is not allowed in it");
  } else if (PyErr_ExceptionMatches(PyExc_TypeError)) {
    PyErr_Clear();
    TypeName type(path);
    raise(POLYBUS_INVALID_ARGUMENT, "path: expected str or os.PathLike, got %s", type.text());
  }
  return Ref();
}

bool import_path_arguments(PyObject* paths, std::vector<Ref>* owned, std::vector<const char*>* texts) {
  if (!paths) return true;
  if (PyUnicode_Check(paths) || PyBytes_Check(paths)) {
    raise(POLYBUS_INVALID_ARGUMENT, "import_paths: expected a sequence of paths, got one path");
    return false;
  }
  Ref iterator = Ref::steal(PyObject_GetIter(paths));
  while (iterator) {
    Ref item = Ref::steal(PyIter_Next(iterator.get()));
    if (!item) return !PyErr_Occurred();
    owned->push_back(path_bytes(item.get()));
    if (!owned->back()) return false;
    texts->push_back(PyBytes_AsString(owned->back().get()));
  }
  return false;
}

}  // namespace

const char kLoadSchemaDoc[] =
    "load_schema(path, import_paths=())\n--\n\nParses a .capnp file at run time: no compiler, no generated code.\n\n"
    "path: str or os.PathLike. Imports are looked up relative to the file, then in `import_paths`, then in the "
    "system's\n"
    "folders.\n"
    "Returns a SchemaFile, whose attributes are the file's struct types. Each call parses anew, so files that use the "
    "same\n"
    "ids for different types can be loaded side by side.\n"
    "Raises IoError (no such file), BadSchemaError (with file:line:column), InvalidArgumentError.\n"
    "Thread safety: any thread; other threads run meanwhile.";

PyObject* load_schema(PyObject*, PyObject* args, PyObject* kwargs) {
  static const char* keywords[] = {"path", "import_paths", nullptr};
  PyObject *path, *import_paths = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:load_schema", const_cast<char**>(keywords), &path,
                                   &import_paths)) {
    return nullptr;
  }
  Ref bytes = path_bytes(path);
  std::vector<Ref> owned;
  std::vector<const char*> folders;
  if (!bytes || !import_path_arguments(import_paths, &owned, &folders)) return nullptr;
  auto file = std::make_shared<SchemaFileHandle>();
  polybus_error error{};
  const char* text = PyBytes_AsString(bytes.get());
  int code;
  Py_BEGIN_ALLOW_THREADS;
  code = polybus_schema_file_parse(text, folders.data(), folders.size(), &file->file, &error);
  Py_END_ALLOW_THREADS;
  if (!check(code, error)) return nullptr;
  Ref shown = Ref::steal(PyUnicode_DecodeFSDefault(text));
  return shown ? create<SchemaFile>(std::move(file), std::move(shown), Ref::steal(PyDict_New())) : nullptr;
}

PyObject* constant_of(SchemaFileHandle& file, const std::string& scope, PyObject* name) {
  static constexpr uint64_t kEmptyMessage[2] = {uint64_t{1} << 32, 0};  // one segment of one word, the null root
  auto [known, is_new] = file.constants.try_emplace(scope);
  if (is_new) {
    known->second = Ref::borrow(Py_None);
    polybus_schema* schema = nullptr;
    polybus_error error{};
    const int code = polybus_schema_file_constants(file.file, scope.c_str(), &schema, &error);
    if (code == POLYBUS_OK) {
      polybus_field empty{};
      empty.default_frame = kEmptyMessage;
      empty.default_frame_size = sizeof kEmptyMessage;
      known->second = Ref::steal(new_message(Memory::of_default(empty, tables_of(schema))));
    } else if (code != POLYBUS_EMPTY) {
      raise(error);
      return nullptr;
    }
  }
  PyObject* constants = known->second.get();
  if (!constants || !is_a<Message>(constants)) return nullptr;
  const Message& message = state<Message>(constants);
  const int position = message.table->find(name);
  return position < 0 ? nullptr : read_field(message, message.table->field(position));
}

bool add_schema_file_type(PyObject* module) {
  type_of<SchemaFile> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<SchemaFile> &&
         PyModule_AddObjectRef(module, "SchemaFile", reinterpret_cast<PyObject*>(type_of<SchemaFile>)) == 0;
}

}  // namespace polybus_python

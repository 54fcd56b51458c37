// polybus._core: the C interface of libpolybus as Python types. Plain C API in the stable ABI of Python 3.11, so that one
// binary serves every later version; behind it nothing but <polybus/polybus.h>.
#include <map>
#include <string>

#include "any_pointer.hpp"
#include "builder.hpp"
#include "errors.hpp"
#include "list.hpp"
#include "message.hpp"
#include "node.hpp"
#include "plain.hpp"
#include "publisher.hpp"
#include "region.hpp"
#include "sample.hpp"
#include "subscriber.hpp"
#include "watch.hpp"

namespace polybus_python {

PyObject* python_helper(const char* module, const char* name) {
  static auto* known = new std::map<std::string, PyObject*>;
  PyObject*& helper = (*known)[std::string(module) + "." + name];
  if (helper) return helper;
  Ref imported = Ref::steal(PyImport_ImportModule((std::string("polybus.") + module).c_str()));
  if (imported) helper = PyObject_GetAttrString(imported.get(), name);
  return helper;
}

namespace {

// For messages with a field called `to_dict` or `which`.
PyObject* module_to_dict(PyObject*, PyObject* message) {
  if (is_a<Message>(message)) return to_dict(state<Message>(message));
  if (is_a<MessageBuilder>(message)) return to_dict(state<MessageBuilder>(message));
  TypeName type(message);
  return raise(POLYBUS_INVALID_ARGUMENT, "to_dict: expected a message, got %s", type.text());
}

PyObject* module_which(PyObject*, PyObject* message) {
  if (is_a<Message>(message)) {
    const Message& view = state<Message>(message);
    return view.memory->check_open() ? which(*view.table, view.view) : nullptr;
  }
  TypeName type(message);
  return raise(POLYBUS_INVALID_ARGUMENT, "which: expected a message, got %s", type.text());
}

PyObject* module_to_json(PyObject*, PyObject* message) {
  if (is_a<Message>(message)) return to_json(state<Message>(message));
  TypeName type(message);
  return raise(POLYBUS_INVALID_ARGUMENT, "to_json: expected a message, got %s", type.text());
}

PyMethodDef functions[] = {
    {"load_schema", method(load_schema), METH_VARARGS | METH_KEYWORDS, kLoadSchemaDoc},
    {"to_dict", method(module_to_dict), METH_O,
     PyDoc_STR("to_dict(message, /)\n--\n\nAs `message.to_dict()`, also where a field has that name.")},
    {"to_json", method(module_to_json), METH_O,
     PyDoc_STR("to_json(message, /)\n--\n\nAs `message.to_json()`, also where a field has that name.")},
    {"which", method(module_which), METH_O,
     PyDoc_STR("which(message, /)\n--\n\nAs `message.which()`, also where a field has that name.")},
    {nullptr, nullptr, 0, nullptr}};

// The types and caches are the process's, so there is one module for all: single-phase initialisation, which the
// interpreter refuses in sub-interpreters with a GIL of their own.
PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "polybus._core", nullptr, -1, functions, nullptr, nullptr, nullptr, nullptr};

constexpr uint32_t kAbiVersion = 1;  // the oldest this source can be used with

// A wheel's extension may find an older library of the system, which was loaded first under the same name.
bool check_library() {
  const uint32_t loaded = polybus_abi_version();
  if (loaded >= kAbiVersion) return true;
  PyErr_Format(
      PyExc_ImportError,
      "polybus was built for interface version %u of libpolybus, but the library loaded in this process, %s, has "
      "version %u: update it, or uninstall the system's copy",
      kAbiVersion, polybus_version(), loaded);
  return false;
}

bool add_types(PyObject* module) {
  return load_error_classes() && add_memory_types(module) && add_building_types(module) && add_schema_types(module) &&
         add_message_types(module) && add_list_types(module) && add_any_pointer_types(module) &&
         add_message_builder_types(module) && add_list_builder_types(module) && add_sample_types(module) &&
         add_publisher_types(module) && add_subscriber_types(module) && add_region_types(module) &&
         add_watch_types(module) && add_node_types(module);
}

}  // namespace
}  // namespace polybus_python

PyMODINIT_FUNC PyInit__core() {
  using namespace polybus_python;
  PyObject* module = PyModule_Create(&definition);
  if (!module) return nullptr;
  if (!check_library() || !add_types(module) ||
      PyModule_AddStringConstant(module, "__version__", polybus_version()) < 0) {
    Py_DECREF(module);
    return nullptr;
  }
  return module;
}

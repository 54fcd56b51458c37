#include "region.hpp"

#include "errors.hpp"
#include "memory.hpp"
#include "parameters.hpp"
#include "waiting.hpp"

namespace polybus_python {

RegionHandle::~RegionHandle() {
  Py_BEGIN_ALLOW_THREADS;
  polybus_region_close(region);
  Py_END_ALLOW_THREADS;
}

Region::Region(NodeLinkPtr node, std::shared_ptr<RegionHandle> opened, Ref label, size_t bytes)
    : link(std::move(node)), handle(std::move(opened)), name(std::move(label)), size(bytes) {
  link->add(this);
}

Region::~Region() { link->remove(this); }

bool Region::check_open() const {
  if (handle) return true;
  const char* text = PyUnicode_AsUTF8AndSize(name.get(), nullptr);
  raise(POLYBUS_CLOSED, "region %s is closed; join it again with node.region()", text ? text : "?");
  return false;
}

namespace {

PyObject* write(PyObject* self, PyObject* data) {
  const Region& region = state<Region>(self);
  if (!region.check_open()) return nullptr;
  if (!PyObject_CheckBuffer(data)) {
    TypeName type(data);
    return raise(POLYBUS_INVALID_ARGUMENT, "write: expected bytes or another buffer, got %s", type.text());
  }
  Py_buffer buffer{};
  if (PyObject_GetBuffer(data, &buffer, PyBUF_SIMPLE) < 0) return nullptr;
  polybus_error error{};
  std::shared_ptr<RegionHandle> handle = region.handle;
  int code;
  Py_BEGIN_ALLOW_THREADS;
  code = polybus_region_write(handle->region, buffer.buf, static_cast<size_t>(buffer.len), &error);
  Py_END_ALLOW_THREADS;
  PyBuffer_Release(&buffer);
  return check(code, error) ? none() : nullptr;
}

PyObject* read(PyObject* self, PyObject*) {
  const Region& region = state<Region>(self);
  if (!region.check_open()) return nullptr;
  polybus_sample* sample = nullptr;
  polybus_error error{};
  const int code = polybus_region_read_sample(region.handle->region, &sample, &error);
  if (code == POLYBUS_EMPTY) return none();
  if (!check(code, error)) return nullptr;
  polybus_sample_info info;
  polybus_sample_get_info(sample, &info);
  return memoryview_of(Memory::of_sample(sample, info, nullptr), info.data, info.size);
}

PyObject* close(PyObject* self, PyObject*) {
  state<Region>(self).close();
  return none();
}
PyObject* enter(PyObject* self, PyObject*) {
  return state<Region>(self).check_open() ? Ref::borrow(self).release() : nullptr;
}
PyObject* leave(PyObject* self, PyObject*) { return close(self, nullptr); }

PyObject* get_name(PyObject* self, void*) { return state<Region>(self).name.new_reference(); }
PyObject* get_size(PyObject* self, void*) { return PyLong_FromSize_t(state<Region>(self).size); }
PyObject* get_closed(PyObject* self, void*) { return PyBool_FromLong(!state<Region>(self).handle); }
PyObject* repr(PyObject* self) {
  const Region& region = state<Region>(self);
  return PyUnicode_FromFormat("<polybus.Region %U%s>", region.name.get(), region.handle ? "" : ", closed");
}

PyDoc_STRVAR(
    kDoc,
    "One named current value of bytes, from `node.region()`: the simplest use of shared memory.\n\n"
    "A reader never sees half a value and never blocks a writer; the value outlives its writer. Any number of\n"
    "processes may read and write it.\n\n"
    "Lifetime: until close(), the node's close(), or until it is dropped. Values read stay valid.\n"
    "Thread safety: any number of threads. Raises ClosedError after close().");

PyMethodDef methods[] = {
    {"write", method(write), METH_O,
     PyDoc_STR("write($self, data, /)\n--\n\nMakes a contiguous buffer, copied once, the current value.\n\nRaises "
               "TooLargeError beyond `size` bytes, InvalidArgumentError (no buffer).")},
    {"read", method(read), METH_NOARGS,
     PyDoc_STR("read($self, /)\n--\n\nThe newest value: a read-only memoryview on shared memory, without a copy; None "
               "before the first write.\n\n"
               "It keeps that value until it is dropped; `bytes(region.read())` copies.")},
    {"close", method(close), METH_NOARGS,
     PyDoc_STR("close($self, /)\n--\n\nCloses this end; the value stays. Closing twice does nothing.")},
    {"__enter__", method(enter), METH_NOARGS, PyDoc_STR("__enter__($self, /)\n--\n\nThe region itself.")},
    {"__exit__", method(leave), METH_VARARGS, PyDoc_STR("__exit__($self, /, *exc_info)\n--\n\nCloses it.")},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef properties[] = {{"name", get_name, nullptr, "The region's name.", nullptr},
                            {"size", get_size, nullptr, "Bytes a value may have at most, as asked for here.", nullptr},
                            {"closed", get_closed, nullptr, "Is it closed?", nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_dealloc, slot(destroy<Region>)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_repr, slot(repr)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.Region", sizeof(Object<Region>), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                    slots};

}  // namespace

PyObject* open_region(const NodeLinkPtr& link, PyObject* args, PyObject* kwargs) {
  static const char* keywords[] = {"name", "size", nullptr};
  PyObject *name, *size_object = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:region", const_cast<char**>(keywords), &name, &size_object)) {
    return nullptr;
  }
  const char* text = text_parameter(name, "name", POLYBUS_INVALID_TOPIC);
  uint64_t size = 4096;
  if (!text || !count_parameter(size_object, "size", 0, INT64_MAX, &size)) return nullptr;
  auto handle = std::make_shared<RegionHandle>();
  handle->node = link->connect();
  if (!handle->node) return nullptr;
  polybus_error error{};
  const int code = wait_interruptibly(kForever, [&](int64_t) {
    return polybus_region_create(handle->node->node, text, size, &handle->region, &error);
  });
  if (code == kRaised || !check(code, error)) return nullptr;
  return create<Region>(link, std::move(handle), Ref::borrow(name), size);
}

bool add_region_types(PyObject* module) {
  type_of<Region> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<Region> && PyModule_AddObjectRef(module, "Region", reinterpret_cast<PyObject*>(type_of<Region>)) == 0;
}

}  // namespace polybus_python

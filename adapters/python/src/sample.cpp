#include "sample.hpp"

#include "errors.hpp"
#include "message.hpp"
#include "waiting.hpp"

namespace polybus_python {
namespace {

bool check_held(const Sample& sample) {
  if (sample.memory && sample.memory->is_open()) return true;
  raise(POLYBUS_CLOSED, "the sample was released; call sample.retain() to keep it beyond its loop or `with`");
  return false;
}

// The schema to read by; NULL without an error for bytes.
TablesPtr tables_for(Sample& sample) {
  if (!sample.memory->shared_tables()) {
    if (polybus_schema* schema = polybus_sample_schema(sample.memory->sample())) {
      sample.memory->set_tables(tables_of(polybus_schema_retain(schema)));
    }
  }
  return sample.memory->shared_tables();
}

PyObject* get_data(PyObject* self, void*) {
  const Sample& sample = state<Sample>(self);
  if (!check_held(sample)) return nullptr;
  return memoryview_of(sample.memory, sample.memory->data(), sample.memory->size());
}

PyObject* get_msg(PyObject* self, void*) {
  Sample& sample = state<Sample>(self);
  if (!check_held(sample)) return nullptr;
  if (!tables_for(sample)) return PyErr_Occurred() ? nullptr : none();
  return new_message(sample.memory);
}

PyObject* get_schema(PyObject* self, void*) {
  Sample& sample = state<Sample>(self);
  if (!check_held(sample)) return nullptr;
  TablesPtr tables = tables_for(sample);
  if (!tables) return PyErr_Occurred() ? nullptr : none();
  return new_schema(std::move(tables));
}

PyObject* get_topic(PyObject* self, void*) { return state<Sample>(self).topic.new_reference(); }
PyObject* get_seq(PyObject* self, void*) { return PyLong_FromUnsignedLongLong(state<Sample>(self).info.sequence); }
PyObject* get_publisher_id(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(state<Sample>(self).info.publisher_id);
}
PyObject* get_published_ns(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(state<Sample>(self).info.published_ns);
}
PyObject* get_latency_ns(PyObject* self, void*) { return PyLong_FromUnsignedLongLong(state<Sample>(self).latency_ns); }
PyObject* get_size(PyObject* self, void*) { return PyLong_FromSize_t(state<Sample>(self).info.size); }
PyObject* get_pid(PyObject* self, void*) { return PyLong_FromUnsignedLong(state<Sample>(self).info.publisher_pid); }
PyObject* get_released(PyObject* self, void*) {
  const Sample& sample = state<Sample>(self);
  return PyBool_FromLong(!sample.memory || !sample.memory->is_open());
}

PyObject* release(PyObject* self, PyObject*) {
  Sample& sample = state<Sample>(self);
  if (!sample.memory) return none();
  if (sample.memory->exports() > 0) {
    PyErr_Format(
        PyExc_BufferError,
        "%zd memoryviews or arrays still see this sample of %U: drop them first (del), or drop the sample and let "
        "the last of them release it",
        sample.memory->exports(), sample.topic.get());
    return nullptr;
  }
  sample.memory->drop();
  sample.memory.reset();
  return none();
}

PyObject* retain(PyObject* self, PyObject*) {
  Sample& sample = state<Sample>(self);
  if (!check_held(sample)) return nullptr;
  sample.is_retained = true;
  return Ref::borrow(self).release();
}

PyObject* enter(PyObject* self, PyObject*) {
  return check_held(state<Sample>(self)) ? Ref::borrow(self).release() : nullptr;
}
PyObject* leave(PyObject* self, PyObject*) {
  give_up(state<Sample>(self));
  return none();
}

PyObject* repr(PyObject* self) {
  const Sample& sample = state<Sample>(self);
  return PyUnicode_FromFormat("<polybus.Sample %U seq %llu, %zu bytes%s>", sample.topic.get(),
                              static_cast<unsigned long long>(sample.info.sequence), sample.info.size,
                              sample.memory && sample.memory->is_open() ? "" : ", released");
}

PyDoc_STRVAR(
    kDoc,
    "A received message: its memory, lent by the publisher, and what is known about it.\n\n"
    "Lifetime: the memory goes back when the sample is dropped, leaves its `with`, when the loop over the subscriber\n"
    "moves on (unless retain() was called), or at release(). Messages, lists, memoryviews and arrays taken from it "
    "keep\n"
    "the memory until they are dropped, with one exception: an explicit release() ends messages and lists as well, "
    "and\n"
    "is refused while memoryviews or arrays are alive, since those could not be told. Closing the subscriber or node\n"
    "changes nothing. A subscriber may hold 1024 samples.\n"
    "Thread safety: any number of threads may read; release it once nobody does.");

PyMethodDef methods[] = {
    {"release", method(release), METH_NOARGS,
     PyDoc_STR("release($self, /)\n--\n\nGives the memory back now. Releasing twice does nothing.\n\n"
               "Raises BufferError, and releases nothing, while a memoryview or array of it is alive.")},
    {"retain", method(retain), METH_NOARGS,
     PyDoc_STR("retain($self, /)\n--\n\nKeeps the sample beyond its loop or `with` block, until it is dropped or "
               "released. Returns it.")},
    {"__enter__", method(enter), METH_NOARGS, PyDoc_STR("__enter__($self, /)\n--\n\nThe sample itself.")},
    {"__exit__", method(leave), METH_VARARGS,
     PyDoc_STR("__exit__($self, /, *exc_info)\n--\n\nGives it up; views keep its memory.")},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef properties[] = {
    {"data", get_data, nullptr,
     "The whole payload: a read-only memoryview of shape (size,) on shared memory, without a copy.", nullptr},
    {"msg", get_msg, nullptr, "The decoded Message; None on an untyped topic.", nullptr},
    {"schema", get_schema, nullptr, "The Schema `msg` is read by; None on an untyped topic.", nullptr},
    {"topic", get_topic, nullptr, "Name of the topic.", nullptr},
    {"seq", get_seq, nullptr, "The publisher's sequence number of this message.", nullptr},
    {"publisher_id", get_publisher_id, nullptr, "64 random bits that name the publisher.", nullptr},
    {"published_ns", get_published_ns, nullptr, "When it was published: CLOCK_REALTIME [ns].", nullptr},
    {"latency_ns", get_latency_ns, nullptr, "From publish to take, on the monotonic clock [ns].", nullptr},
    {"size", get_size, nullptr, "Payload bytes.", nullptr},
    {"pid", get_pid, nullptr, "Process that published it.", nullptr},
    {"released", get_released, nullptr, "Was the memory given up? Then `data` and `msg` raise ClosedError.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_dealloc, slot(destroy<Sample>)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_repr, slot(repr)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.Sample", sizeof(Object<Sample>), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                    slots};

}  // namespace

PyObject* new_sample(polybus_sample* sample, PyObject* topic, const TablesPtr& tables) {
  polybus_sample_info info;
  polybus_sample_get_info(sample, &info);
  const uint64_t now = monotonic_ns();
  const uint64_t latency = now > info.published_monotonic_ns ? now - info.published_monotonic_ns : 0;
  return create<Sample>(Memory::of_sample(sample, info, tables), Ref::borrow(topic), info, latency, false);
}

void give_up(Sample& sample) {
  if (!sample.is_retained) sample.memory.reset();
}

bool add_sample_types(PyObject* module) {
  type_of<Sample> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<Sample> && PyModule_AddObjectRef(module, "Sample", reinterpret_cast<PyObject*>(type_of<Sample>)) == 0;
}

}  // namespace polybus_python

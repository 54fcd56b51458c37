#include "watch.hpp"

#include "errors.hpp"
#include "subscriber.hpp"
#include "waiting.hpp"

namespace polybus_python {

WatchHandle::~WatchHandle() {
  Py_BEGIN_ALLOW_THREADS;
  polybus_watch_close(watch);
  Py_END_ALLOW_THREADS;
}

void WatchHandle::shutdown() {
  Py_BEGIN_ALLOW_THREADS;
  polybus_watch_shutdown(watch);
  Py_END_ALLOW_THREADS;
}

Watch::Watch(NodeLinkPtr node, std::shared_ptr<WatchHandle> opened, int64_t wait_ms)
    : link(std::move(node)), handle(std::move(opened)), timeout_ms(wait_ms) {
  link->add(this);
}

Watch::~Watch() {
  link->remove(this);
  close();
}

void Watch::close() {
  if (!handle) return;
  std::shared_ptr<WatchHandle> closing = std::move(handle);
  run_close_hooks(close_hooks);
  if (closing.use_count() > 1) closing->shutdown();
}

bool Watch::check_open() const {
  if (!handle) raise(POLYBUS_CLOSED, "the watch is closed; open a new one with node.watch()");
  return handle != nullptr;
}

PyObject* parse_json(char* json) {
  PyObject* loads = python_helper("_text", "parse_json");
  PyObject* value = loads ? PyObject_CallFunction(loads, "s", json) : nullptr;
  polybus_free(json);
  return value;
}

namespace {

// NULL without an error set after the timeout.
PyObject* next_event(Watch& watch, int64_t timeout_ms) {
  if (!watch.check_open()) return nullptr;
  char* json = nullptr;
  polybus_error error{};
  std::shared_ptr<WatchHandle> handle = watch.handle;
  const int code = wait_interruptibly(
      timeout_ms, [&](int64_t left_ms) { return polybus_watch_next(handle->watch, left_ms, &json, &error); });
  if (code == POLYBUS_EMPTY) {
    watch.check_open();  // closed meanwhile: no more events is not what happened
    return nullptr;
  }
  return code != kRaised && check(code, error) ? parse_json(json) : nullptr;
}

PyObject* take(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* keywords[] = {"timeout", nullptr};
  PyObject* timeout = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:take", const_cast<char**>(keywords), &timeout)) return nullptr;
  int64_t timeout_ms = 0;
  if (timeout && !parse_timeout(timeout, kForever, &timeout_ms)) return nullptr;
  PyObject* event = next_event(state<Watch>(self), timeout_ms);
  return event || PyErr_Occurred() ? event : none();
}

PyObject* iterate(PyObject* self) { return state<Watch>(self).check_open() ? Ref::borrow(self).release() : nullptr; }
PyObject* next(PyObject* self) { return next_event(state<Watch>(self), state<Watch>(self).timeout_ms); }
PyObject* iterate_async(PyObject* self) {
  PyObject* stream = python_helper("_aio", "events");
  return stream && state<Watch>(self).check_open() ? PyObject_CallFunctionObjArgs(stream, self, nullptr) : nullptr;
}

PyObject* close(PyObject* self, PyObject*) {
  state<Watch>(self).close();
  return none();
}
PyObject* enter(PyObject* self, PyObject*) { return iterate(self); }
PyObject* leave(PyObject* self, PyObject*) { return close(self, nullptr); }
PyObject* on_close(PyObject* self, PyObject* hook) { return add_close_hook(state<Watch>(self).close_hooks, hook); }
PyObject* forget_close(PyObject* self, PyObject* hook) {
  return remove_close_hook(state<Watch>(self).close_hooks, hook);
}

PyObject* get_fd(PyObject* self, void*) {
  const Watch& watch = state<Watch>(self);
  int fd = -1;
  polybus_error error{};
  return watch.check_open() && check(polybus_watch_fd(watch.handle->watch, &fd, &error), error) ? PyLong_FromLong(fd)
                                                                                                : nullptr;
}
PyObject* get_timeout(PyObject* self, void*) {
  const int64_t timeout_ms = state<Watch>(self).timeout_ms;
  return timeout_ms < 0 ? none() : PyFloat_FromDouble(static_cast<double>(timeout_ms) / 1000.0);
}
PyObject* get_closed(PyObject* self, void*) { return PyBool_FromLong(!state<Watch>(self).handle); }

PyDoc_STRVAR(
    kDoc,
    "What comes and goes on a bus, from `node.watch()`: iterate over it, also with `async for`.\n\n"
    "Events are dicts: `event` is publisher_added, publisher_removed, subscriber_added, subscriber_removed, "
    "node_added,\n"
    "node_removed, registry_lost or registry_back (or events_lost, for a reader far behind); `topic`, `node`, `type` "
    "and\n"
    "`pid` are there where they apply.\n\n"
    "Lifetime: until close(), the node's close(), or until it is dropped. Thread safety: any number of threads; each\n"
    "event goes to one of them. Raises ClosedError after close().");

PyMethodDef methods[] = {
    {"take", method(take), METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("take($self, timeout=0)\n--\n\nThe oldest event that has arrived; None if there is none in "
               "time.\n\ntimeout: seconds to wait; 0 does not wait, None waits for ever.")},
    {"close", method(close), METH_NOARGS,
     PyDoc_STR("close($self, /)\n--\n\nEnds it and wakes those who wait. Closing twice does nothing.")},
    {"__enter__", method(enter), METH_NOARGS, PyDoc_STR("__enter__($self, /)\n--\n\nThe watch itself.")},
    {"__exit__", method(leave), METH_VARARGS, PyDoc_STR("__exit__($self, /, *exc_info)\n--\n\nCloses it.")},
    {"_on_close", method(on_close), METH_O, nullptr},
    {"_forget_close", method(forget_close), METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef properties[] = {
    {"fd", get_fd, nullptr,
     "A file descriptor, readable while events wait. Owned by the watch: do not read or close it.", nullptr},
    {"timeout", get_timeout, nullptr, "Seconds without an event after which iteration ends; None: never.", nullptr},
    {"closed", get_closed, nullptr, "Is it closed?", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_dealloc, slot(destroy<Watch>)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_iter, slot(iterate)},
                       {Py_tp_iternext, slot(next)},
                       {Py_am_aiter, slot(iterate_async)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.Watch", sizeof(Object<Watch>), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                    slots};

}  // namespace

PyObject* open_watch(const NodeLinkPtr& link, PyObject* args, PyObject* kwargs) {
  static const char* keywords[] = {"timeout", nullptr};
  PyObject* timeout = Py_None;
  int64_t timeout_ms;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$O:watch", const_cast<char**>(keywords), &timeout) ||
      !parse_timeout(timeout, kForever, &timeout_ms)) {
    return nullptr;
  }
  auto handle = std::make_shared<WatchHandle>();
  handle->node = link->connect();
  if (!handle->node) return nullptr;
  polybus_error error{};
  const int code = wait_interruptibly(
      kForever, [&](int64_t) { return polybus_watch_open(handle->node->node, &handle->watch, &error); });
  if (code == kRaised || !check(code, error)) return nullptr;
  return create<Watch>(link, std::move(handle), timeout_ms);
}

bool add_watch_types(PyObject* module) {
  type_of<Watch> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<Watch> && PyModule_AddObjectRef(module, "Watch", reinterpret_cast<PyObject*>(type_of<Watch>)) == 0;
}

}  // namespace polybus_python

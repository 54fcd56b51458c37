#include "subscriber.hpp"

#include <cstring>

#include "errors.hpp"
#include "parameters.hpp"
#include "sample.hpp"
#include "waiting.hpp"

namespace polybus_python {

SubscriberHandle::~SubscriberHandle() {
  Py_BEGIN_ALLOW_THREADS;
  polybus_subscriber_close(subscriber);
  Py_END_ALLOW_THREADS;
}

void SubscriberHandle::shutdown() {
  Py_BEGIN_ALLOW_THREADS;
  polybus_subscriber_shutdown(subscriber);
  Py_END_ALLOW_THREADS;
}

Subscriber::Subscriber(NodeLinkPtr node, std::shared_ptr<SubscriberHandle> opened, TablesPtr type, Ref name,
                       int64_t wait_ms)
    : link(std::move(node)),
      handle(std::move(opened)),
      tables(std::move(type)),
      topic(std::move(name)),
      timeout_ms(wait_ms) {
  link->add(this);
}

Subscriber::~Subscriber() {
  link->remove(this);
  close();
}

void Subscriber::close() {
  if (!handle) return;
  std::shared_ptr<SubscriberHandle> closing = std::move(handle);
  run_close_hooks(close_hooks);
  if (closing.use_count() > 1) closing->shutdown();
}

bool Subscriber::check_open() const {
  if (handle) return true;
  const char* name = PyUnicode_AsUTF8AndSize(topic.get(), nullptr);
  raise(POLYBUS_CLOSED, "the subscriber of %s is closed; open a new one with node.subscriber()", name ? name : "?");
  return false;
}

PyObject* add_close_hook(Ref& hooks, PyObject* hook) {
  if (!hooks) hooks = Ref::steal(PySet_New(nullptr));
  return hooks && PySet_Add(hooks.get(), hook) == 0 ? none() : nullptr;
}

PyObject* remove_close_hook(Ref& hooks, PyObject* hook) {
  return !hooks || PySet_Discard(hooks.get(), hook) >= 0 ? none() : nullptr;
}

void run_close_hooks(Ref& hooks) {
  Ref running = std::move(hooks);
  while (running && PySet_Size(running.get()) > 0) {
    Ref hook = Ref::steal(PySet_Pop(running.get()));
    Ref result = hook ? Ref::steal(PyObject_CallNoArgs(hook.get())) : Ref();
    if (!result) PyErr_WriteUnraisable(hook.get());
  }
}

namespace {

// The next sample as soon as there is one; NULL without an error set after the timeout.
PyObject* take_sample(Subscriber& subscriber, int64_t timeout_ms) {
  if (!subscriber.check_open()) return nullptr;
  polybus_sample* sample = nullptr;
  polybus_error error{};
  // Mostly one is there already, or nobody wants to wait: not worth giving up the GIL.
  int code = polybus_subscriber_take(subscriber.handle->subscriber, 0, &sample, &error);
  if (code == POLYBUS_EMPTY && timeout_ms != 0) {
    std::shared_ptr<SubscriberHandle> handle = subscriber.handle;
    code = wait_for_message(timeout_ms, [&](int64_t left_ms) {
      return polybus_subscriber_take(handle->subscriber, left_ms, &sample, &error);
    });
  }
  if (code == POLYBUS_EMPTY || code == kRaised || !check(code, error)) return nullptr;
  return new_sample(sample, subscriber.topic.get(), subscriber.tables);
}

// The one optional argument `timeout` of a METH_FASTCALL | METH_KEYWORDS method.
bool timeout_argument(PyObject* const* args, Py_ssize_t count, PyObject* names, const char* method_name,
                      int64_t if_missing, int64_t* timeout_ms) {
  const Py_ssize_t keywords = names ? PyTuple_Size(names) : 0;
  if (count + keywords == 0) {
    *timeout_ms = if_missing;
    return true;
  }
  if (count + keywords > 1 ||
      (keywords && PyUnicode_CompareWithASCIIString(PyTuple_GetItem(names, 0), "timeout") != 0)) {
    PyErr_Format(PyExc_TypeError, "%s() takes one argument, timeout", method_name);
    return false;
  }
  return parse_timeout(args[0], kForever, timeout_ms);
}

PyObject* take(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  int64_t timeout_ms;
  if (!timeout_argument(args, count, names, "take", 0, &timeout_ms)) return nullptr;
  PyObject* sample = take_sample(state<Subscriber>(self), timeout_ms);
  return sample || PyErr_Occurred() ? sample : none();
}

PyObject* wait(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  Subscriber& subscriber = state<Subscriber>(self);
  int64_t timeout_ms;
  if (!timeout_argument(args, count, names, "wait", kForever, &timeout_ms) || !subscriber.check_open()) return nullptr;
  polybus_error error{};
  std::shared_ptr<SubscriberHandle> handle = subscriber.handle;
  const int code = wait_for_message(
      timeout_ms, [&](int64_t left_ms) { return polybus_subscriber_wait(handle->subscriber, left_ms, &error); });
  if (code == POLYBUS_EMPTY) return PyBool_FromLong(0);
  return code != kRaised && check(code, error) ? PyBool_FromLong(1) : nullptr;
}

PyObject* latest(PyObject* self, PyObject*) {
  Subscriber& subscriber = state<Subscriber>(self);
  if (!subscriber.check_open()) return nullptr;
  polybus_sample* sample = nullptr;
  polybus_error error{};
  const int code = polybus_subscriber_latest(subscriber.handle->subscriber, &sample, &error);
  if (code == POLYBUS_EMPTY) return none();
  return check(code, error) ? new_sample(sample, subscriber.topic.get(), subscriber.tables) : nullptr;
}

PyObject* close(PyObject* self, PyObject*) {
  state<Subscriber>(self).close();
  return none();
}
PyObject* enter(PyObject* self, PyObject*) {
  return state<Subscriber>(self).check_open() ? Ref::borrow(self).release() : nullptr;
}
PyObject* leave(PyObject* self, PyObject*) { return close(self, nullptr); }

PyObject* on_close(PyObject* self, PyObject* hook) { return add_close_hook(state<Subscriber>(self).close_hooks, hook); }
PyObject* forget_close(PyObject* self, PyObject* hook) {
  return remove_close_hook(state<Subscriber>(self).close_hooks, hook);
}

PyObject* get_topic(PyObject* self, void*) { return state<Subscriber>(self).topic.new_reference(); }
PyObject* get_closed(PyObject* self, void*) { return PyBool_FromLong(!state<Subscriber>(self).handle); }
PyObject* get_timeout(PyObject* self, void*) {
  const int64_t timeout_ms = state<Subscriber>(self).timeout_ms;
  return timeout_ms < 0 ? none() : PyFloat_FromDouble(static_cast<double>(timeout_ms) / 1000.0);
}

PyObject* get_fd(PyObject* self, void*) {
  const Subscriber& subscriber = state<Subscriber>(self);
  int fd = -1;
  polybus_error error{};
  if (!subscriber.check_open()) return nullptr;
  std::shared_ptr<SubscriberHandle> handle = subscriber.handle;
  const int code =
      wait_interruptibly(kForever, [&](int64_t) { return polybus_subscriber_fd(handle->subscriber, &fd, &error); });
  return code != kRaised && check(code, error) ? PyLong_FromLong(fd) : nullptr;
}

PyObject* get_schema(PyObject* self, void*) {
  const Subscriber& subscriber = state<Subscriber>(self);
  if (!subscriber.check_open()) return nullptr;
  if (subscriber.tables) return new_schema(subscriber.tables);
  polybus_schema* schema = nullptr;
  polybus_error error{};
  const int code = polybus_subscriber_schema(subscriber.handle->subscriber, &schema, &error);
  if (code == POLYBUS_EMPTY) return none();
  return check(code, error) ? new_schema(tables_of(schema)) : nullptr;
}

bool read_stats(const Subscriber& subscriber, polybus_subscriber_stats* stats) {
  polybus_error error{};
  return subscriber.check_open() &&
         check(polybus_subscriber_get_stats(subscriber.handle->subscriber, stats, &error), error);
}

PyObject* get_lost(PyObject* self, void*) {
  polybus_subscriber_stats stats{};
  return read_stats(state<Subscriber>(self), &stats) ? PyLong_FromUnsignedLongLong(stats.lost) : nullptr;
}

PyObject* get_stats(PyObject* self, void*) {
  polybus_subscriber_stats stats{};
  if (!read_stats(state<Subscriber>(self), &stats)) return nullptr;
  PyObject* make = python_helper("stats", "SubscriberStats");
  return make ? PyObject_CallFunction(make, "KKIII", static_cast<unsigned long long>(stats.taken),
                                      static_cast<unsigned long long>(stats.lost), stats.queued, stats.held,
                                      stats.publishers)
              : nullptr;
}

PyObject* repr(PyObject* self) {
  const Subscriber& subscriber = state<Subscriber>(self);
  return PyUnicode_FromFormat("<polybus.Subscriber %U%s>", subscriber.topic.get(), subscriber.handle ? "" : ", closed");
}

// What `for sample in subscriber` runs on. The sample before the current one is given up; the last one of a loop that was
// left early is not, since the program still has it in its hand.
struct SampleIterator {
  Ref subscriber;
  Ref sample;
};

PyObject* iterate(PyObject* self) {
  return state<Subscriber>(self).check_open() ? create<SampleIterator>(Ref::borrow(self), Ref()) : nullptr;
}

PyObject* iterate_async(PyObject* self) {
  PyObject* stream = python_helper("_aio", "samples");
  return stream && state<Subscriber>(self).check_open() ? PyObject_CallFunctionObjArgs(stream, self, nullptr) : nullptr;
}

PyObject* next_sample(PyObject* self) {
  SampleIterator& iterator = state<SampleIterator>(self);
  if (Ref former = std::move(iterator.sample)) give_up(state<Sample>(former.get()));
  Subscriber& subscriber = state<Subscriber>(iterator.subscriber.get());
  PyObject* sample = take_sample(subscriber, subscriber.timeout_ms);
  iterator.sample = Ref::borrow(sample);
  return sample;
}

PyDoc_STRVAR(
    kDoc,
    "A receiving end of a topic, from `node.subscriber()`.\n\n"
    "Iterate over it: `for sample in subscriber` waits for each next message and ends quietly after the `timeout` the\n"
    "subscriber was made with. `async for` does the same under asyncio and trio, without polling and without a "
    "thread.\n"
    "In both loops a sample is released when the loop moves on, unless retain() was called on it.\n\n"
    "Waiting lets other threads run; Ctrl-C and other signal handlers interrupt it.\n"
    "Lifetime: until close(), the node's close(), or until it is dropped. Samples held stay valid.\n"
    "Thread safety: any number of threads may take; each message goes to one of them. Closing wakes those that wait,\n"
    "with ClosedError. Raises ForkedError in a child of the process that opened it.");

PyMethodDef methods[] = {
    {"take", method(take), METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("take($self, timeout=0)\n--\n\nThe oldest message that has arrived, as a Sample; None if there is none "
               "in time.\n\n"
               "timeout: seconds to wait; 0 does not wait, None waits for ever.\n"
               "Raises TooManySamplesError while the program holds 1024 samples, ClosedError, ForkedError.")},
    {"wait", method(wait), METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("wait($self, timeout=None)\n--\n\nTrue as soon as there is something to take, False if there is nothing "
               "within `timeout` seconds.")},
    {"latest", method(latest), METH_NOARGS,
     PyDoc_STR("latest($self, /)\n--\n\nThe newest message that has arrived, taken or not, as a Sample; None before "
               "the first. Consumes nothing.")},
    {"close", method(close), METH_NOARGS,
     PyDoc_STR("close($self, /)\n--\n\nCloses the end and wakes those who wait. Samples held stay valid. Closing twice "
               "does nothing.")},
    {"__enter__", method(enter), METH_NOARGS, PyDoc_STR("__enter__($self, /)\n--\n\nThe subscriber itself.")},
    {"__exit__", method(leave), METH_VARARGS, PyDoc_STR("__exit__($self, /, *exc_info)\n--\n\nCloses it.")},
    {"_on_close", method(on_close), METH_O, nullptr},
    {"_forget_close", method(forget_close), METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef properties[] = {
    {"topic", get_topic, nullptr, "The topic's name.", nullptr},
    {"schema", get_schema, nullptr, "The Schema messages are read by; None if the topic has none, or none yet.",
     nullptr},
    {"timeout", get_timeout, nullptr, "Seconds without a message after which iteration ends; None: never.", nullptr},
    {"fd", get_fd, nullptr,
     "A file descriptor for event loops, readable while samples wait; take until None, which arms it again. Owned by "
     "the\n"
     "subscriber: do not read or close it.",
     nullptr},
    {"lost", get_lost, nullptr, "Messages this subscriber missed because its queue was full or the bus was away.",
     nullptr},
    {"stats", get_stats, nullptr, "Counters, as SubscriberStats.", nullptr},
    {"closed", get_closed, nullptr, "Is it closed?", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_dealloc, slot(destroy<Subscriber>)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_repr, slot(repr)},
                       {Py_tp_iter, slot(iterate)},
                       {Py_am_aiter, slot(iterate_async)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.Subscriber", sizeof(Object<Subscriber>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

PyType_Slot iterator_slots[] = {{Py_tp_dealloc, slot(destroy<SampleIterator>)},
                                {Py_tp_iter, slot(PyObject_SelfIter)},
                                {Py_tp_iternext, slot(next_sample)},
                                {0, nullptr}};
PyType_Spec iterator_spec = {"polybus._core._SampleIterator", sizeof(Object<SampleIterator>), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, iterator_slots};

bool parse_overflow(PyObject* overflow, int32_t* out) {
  if (!overflow) return true;
  const char* text = PyUnicode_Check(overflow) ? PyUnicode_AsUTF8AndSize(overflow, nullptr) : nullptr;
  if (text && strcmp(text, "drop_oldest") == 0) {
    *out = POLYBUS_DROP_OLDEST;
  } else if (text && strcmp(text, "block") == 0) {
    *out = POLYBUS_BLOCK;
  } else {
    PyErr_Clear();
    Ref shown = Ref::steal(PyObject_Repr(overflow));
    const char* repr_text = shown ? PyUnicode_AsUTF8AndSize(shown.get(), nullptr) : nullptr;
    PyErr_Clear();
    raise(POLYBUS_INVALID_ARGUMENT, "overflow: expected \"drop_oldest\" or \"block\", got %s",
          repr_text ? repr_text : "?");
    return false;
  }
  return true;
}

}  // namespace

PyObject* open_subscriber(const NodeLinkPtr& link, PyObject* args, PyObject* kwargs) {
  static const char* keywords[] = {"topic", "schema", "queue", "history", "overflow", "timeout", nullptr};
  PyObject *topic, *schema = Py_None, *history = Py_None, *overflow = nullptr, *timeout = Py_None, *queue = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O$OOOO:subscriber", const_cast<char**>(keywords), &topic, &schema,
                                   &queue, &history, &overflow, &timeout)) {
    return nullptr;
  }
  TablesPtr tables;
  int64_t timeout_ms;
  polybus_subscriber_options options;
  polybus_subscriber_options_init(&options);
  if (!schema_argument(schema, &tables) || !parse_timeout(timeout, kForever, &timeout_ms) ||
      !parse_overflow(overflow, &options.overflow)) {
    return nullptr;
  }
  const char* name = text_parameter(topic, "topic", POLYBUS_INVALID_TOPIC);
  uint64_t depth = options.queue, wanted = 0;
  if (!name || !count_parameter(queue, "queue", 1, 1024, &depth) ||
      !count_parameter(history == Py_None ? nullptr : history, "history", 0, INT64_MAX, &wanted)) {
    return nullptr;
  }
  options.queue = static_cast<uint32_t>(depth);
  if (history != Py_None) options.history = static_cast<int64_t>(wanted);
  auto handle = std::make_shared<SubscriberHandle>();
  handle->node = link->connect();
  if (!handle->node) return nullptr;
  polybus_error error{};
  const int code = wait_interruptibly(kForever, [&](int64_t) {
    return polybus_subscriber_open(handle->node->node, name, tables ? tables->handle : nullptr, &options,
                                   &handle->subscriber, &error);
  });
  if (code == kRaised || !check(code, error)) return nullptr;
  return create<Subscriber>(link, std::move(handle), std::move(tables), Ref::borrow(topic), timeout_ms);
}

bool add_subscriber_types(PyObject* module) {
  type_of<SampleIterator> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&iterator_spec));
  type_of<Subscriber> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<SampleIterator> && type_of<Subscriber> &&
         PyModule_AddObjectRef(module, "Subscriber", reinterpret_cast<PyObject*>(type_of<Subscriber>)) == 0;
}

}  // namespace polybus_python

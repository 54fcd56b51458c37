#include "publisher.hpp"

#include <algorithm>

#include "errors.hpp"
#include "fill.hpp"
#include "parameters.hpp"
#include "waiting.hpp"

namespace polybus_python {

PublisherHandle::~PublisherHandle() {
  Py_BEGIN_ALLOW_THREADS;
  polybus_publisher_close(publisher);
  Py_END_ALLOW_THREADS;
}

Publisher::Publisher(NodeLinkPtr node, std::shared_ptr<PublisherHandle> opened, TablesPtr type, std::string name,
                     int64_t wait_ms)
    : link(std::move(node)),
      handle(std::move(opened)),
      tables(std::move(type)),
      topic(std::move(name)),
      timeout_ms(wait_ms) {
  link->add(this);
}

Publisher::~Publisher() {
  link->remove(this);
  close();
}

void Publisher::close() {
  while (!drafts.empty()) (*drafts.begin())->close();
  handle.reset();
}

bool Publisher::check_open() const {
  if (!handle)
    raise(POLYBUS_CLOSED, "the publisher of %s is closed; open a new one with node.publisher()", topic.c_str());
  return handle != nullptr;
}

namespace {

PyObject* publish(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  Publisher& publisher = state<Publisher>(self);
  if (!publisher.check_open()) return nullptr;
  if (!publisher.tables) {
    return raise(POLYBUS_INVALID_ARGUMENT,
                 "%s is untyped here: use publish_bytes(), or open the publisher with a schema",
                 publisher.topic.c_str());
  }
  constexpr size_t kFraming = 64;  // stream header, root pointer
  const size_t size = estimate_arguments(*publisher.tables, args, count, names);
  Ref draft_object = Ref::steal(lend_draft(self, size, kFraming));
  if (!draft_object) return nullptr;
  Draft& draft = state<Draft>(draft_object.get());
  if (!write_arguments(*publisher.tables, &draft.root, args, count, names)) return nullptr;
  return publish_draft(draft, publisher.timeout_ms) ? PyLong_FromUnsignedLongLong(draft.sequence) : nullptr;
}

PyObject* publish_bytes(PyObject* self, PyObject* data) {
  Publisher& publisher = state<Publisher>(self);
  if (!publisher.check_open()) return nullptr;
  Py_buffer buffer{};
  if (!PyObject_CheckBuffer(data)) {
    TypeName type(data);
    return raise(POLYBUS_INVALID_ARGUMENT, "publish_bytes: expected bytes or another buffer, got %s", type.text());
  }
  if (PyObject_GetBuffer(data, &buffer, PyBUF_SIMPLE) < 0) return nullptr;
  uint64_t sequence = 0;
  polybus_error error{};
  std::shared_ptr<PublisherHandle> handle = publisher.handle;
  // Waits by the publisher's own timeout in the library, which is one step of ours (see open_publisher()).
  const int code = wait_in_steps(
      publisher.timeout_ms,
      [&](int64_t) {
        return polybus_publisher_publish(handle->publisher, buffer.buf, static_cast<size_t>(buffer.len), &sequence,
                                         &error);
      },
      [&] { return publisher.handle != nullptr; });
  PyBuffer_Release(&buffer);
  if (code == kRaised || !check(code, error)) return nullptr;
  return PyLong_FromUnsignedLongLong(sequence);
}

PyObject* loan(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* keywords[] = {"size", nullptr};
  PyObject* size_object = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:loan", const_cast<char**>(keywords), &size_object)) return nullptr;
  uint64_t size = 0;
  if (!count_parameter(size_object, "size", 0, INT64_MAX, &size)) return nullptr;
  // Beside the lists and texts whose size the caller gives, a message has its structs and the words of its lists.
  size_t structure = 1024;
  if (const TablesPtr& tables = state<Publisher>(self).tables) {
    structure += estimate_struct(*tables, tables->structs[0], Py_None);
  }
  return lend_draft(self, size, structure);
}

PyObject* wait_for_subscribers(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* keywords[] = {"n", "timeout", nullptr};
  PyObject *n = nullptr, *timeout = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:wait_for_subscribers", const_cast<char**>(keywords), &n,
                                   &timeout)) {
    return nullptr;
  }
  int64_t timeout_ms;
  uint64_t wanted = 1;
  Publisher& publisher = state<Publisher>(self);
  if (!count_parameter(n, "n", 0, UINT32_MAX, &wanted) || !parse_timeout(timeout, kForever, &timeout_ms) ||
      !publisher.check_open()) {
    return nullptr;
  }
  int reached = 0;
  polybus_error error{};
  std::shared_ptr<PublisherHandle> handle = publisher.handle;
  const int code = wait_in_steps(
      timeout_ms,
      [&](int64_t step_ms) -> int {
        const int answer = polybus_publisher_wait_for_subscribers(handle->publisher, static_cast<uint32_t>(wanted),
                                                                  step_ms, &reached, &error);
        return answer == POLYBUS_OK && !reached ? POLYBUS_TIMEOUT : answer;
      },
      [&] { return publisher.handle != nullptr; });
  if (code == kRaised || !publisher.check_open()) return nullptr;
  if (code == POLYBUS_TIMEOUT) return PyBool_FromLong(0);
  return check(code, error) ? PyBool_FromLong(1) : nullptr;
}

PyObject* close(PyObject* self, PyObject*) {
  state<Publisher>(self).close();
  return none();
}
PyObject* enter(PyObject* self, PyObject*) {
  return state<Publisher>(self).check_open() ? Ref::borrow(self).release() : nullptr;
}
PyObject* leave(PyObject* self, PyObject*) { return close(self, nullptr); }

PyObject* get_topic(PyObject* self, void*) { return PyUnicode_FromString(state<Publisher>(self).topic.c_str()); }
PyObject* get_schema(PyObject* self, void*) {
  const TablesPtr& tables = state<Publisher>(self).tables;
  return tables ? new_schema(tables) : none();
}
PyObject* get_closed(PyObject* self, void*) { return PyBool_FromLong(!state<Publisher>(self).handle); }

PyObject* get_stats(PyObject* self, void*) {
  const Publisher& publisher = state<Publisher>(self);
  polybus_publisher_stats stats{};
  polybus_error error{};
  if (!publisher.check_open()) return nullptr;
  if (!check(polybus_publisher_get_stats(publisher.handle->publisher, &stats, &error), error)) return nullptr;
  PyObject* make = python_helper("stats", "PublisherStats");
  return make ? PyObject_CallFunction(make, "KKIIKK", static_cast<unsigned long long>(stats.sequence),
                                      static_cast<unsigned long long>(stats.bytes), stats.subscribers, stats.loans,
                                      static_cast<unsigned long long>(stats.memory_bytes),
                                      static_cast<unsigned long long>(stats.quota_bytes))
              : nullptr;
}

PyObject* get_subscribers(PyObject* self, void*) {
  Ref stats = Ref::steal(get_stats(self, nullptr));
  return stats ? PyObject_GetAttrString(stats.get(), "subscribers") : nullptr;
}

PyObject* repr(PyObject* self) {
  const Publisher& publisher = state<Publisher>(self);
  return PyUnicode_FromFormat("<polybus.Publisher %s%s>", publisher.topic.c_str(), publisher.handle ? "" : ", closed");
}

PyDoc_STRVAR(
    kDoc,
    "A publishing end of a topic, from `node.publisher()`.\n\n"
    "Lifetime: until close(), the node's close(), or until it is dropped. Open drafts are discarded then. Arrays made\n"
    "from a draft stay valid memory and keep the end open until they are dropped.\n"
    "Thread safety: any number of threads may publish; a draft belongs to one thread at a time.\n"
    "Raises ClosedError after close(), ForkedError in a child of the process that opened it.");

PyMethodDef methods[] = {
    {"publish", method(publish), METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("publish($self, value=None, /, **fields)\n--\n\nPublishes one message; returns its sequence number.\n\n"
               "Give fields by name, or one dict or message (`sample.msg`). Fields left out have their defaults.\n"
               "Accepted: int, float (int too), bool only for Bool, str for Text and enums (their number too), any "
               "buffer for\n"
               "Data, None for Void, dict or message for structs and groups, sequences and one-dimensional arrays for "
               "lists;\n"
               "numpy scalars count as Python's. Arrays of the element's own type are copied by one memcpy, others "
               "converted.\n\n"
               "Raises InvalidArgumentError with the field's path for anything else (`hail[1].mm: expected UInt8, got "
               "str`),\n"
               "TooLargeError, NoMemoryError, TooManyLoansError, and TimeoutError where a subscriber that blocks "
               "stayed full:\n"
               "nothing was sent then.")},
    {"publish_bytes", method(publish_bytes), METH_O,
     PyDoc_STR("publish_bytes($self, data, /)\n--\n\nPublishes a contiguous buffer, copied once, into shared memory; "
               "returns its sequence number.\n\n"
               "On a typed topic the bytes must be one message in Cap'n Proto's stream framing: BadMessageError.\n"
               "Raises TooLargeError, NoMemoryError, TimeoutError, InvalidArgumentError (no buffer).")},
    {"loan", method(loan), METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("loan($self, size=0)\n--\n\nA Draft: memory of the bus to write a message into, without a copy.\n\n"
               "size: bytes; on a typed topic those of its lists, texts and Data (a message that outgrows them is "
               "moved once).\n"
               "Use it in `with`: published on a clean exit, discarded on an exception.\n"
               "Raises TooLargeError, NoMemoryError, TooManyLoansError.")},
    {"wait_for_subscribers", method(wait_for_subscribers), METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("wait_for_subscribers($self, n=1, timeout=None)\n--\n\nTrue when n subscribers are attached, False if "
               "that did not happen within `timeout` seconds.")},
    {"close", method(close), METH_NOARGS,
     PyDoc_STR("close($self, /)\n--\n\nCloses the end and discards its drafts. Closing twice does nothing.")},
    {"__enter__", method(enter), METH_NOARGS, PyDoc_STR("__enter__($self, /)\n--\n\nThe publisher itself.")},
    {"__exit__", method(leave), METH_VARARGS, PyDoc_STR("__exit__($self, /, *exc_info)\n--\n\nCloses it.")},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef properties[] = {{"topic", get_topic, nullptr, "The topic's name.", nullptr},
                            {"schema", get_schema, nullptr, "The Schema it publishes, None for bytes.", nullptr},
                            {"closed", get_closed, nullptr, "Is it closed?", nullptr},
                            {"stats", get_stats, nullptr, "Counters, as PublisherStats.", nullptr},
                            {"subscribers", get_subscribers, nullptr, "Subscribers attached now.", nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_dealloc, slot(destroy<Publisher>)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_repr, slot(repr)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.Publisher", sizeof(Object<Publisher>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

PyObject* open_publisher(const NodeLinkPtr& link, PyObject* args, PyObject* kwargs) {
  static const char* keywords[] = {"topic", "schema", "history", "exclusive", "timeout", "quota", nullptr};
  PyObject *topic, *schema = Py_None, *timeout = nullptr, *quota = Py_None, *history = nullptr;
  int exclusive = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O$OpOO:publisher", const_cast<char**>(keywords), &topic, &schema,
                                   &history, &exclusive, &timeout, &quota)) {
    return nullptr;
  }
  TablesPtr tables;
  polybus_publisher_options options;
  polybus_publisher_options_init(&options);
  if (!schema_argument(schema, &tables) || !parse_timeout(timeout, 0, &options.timeout_ms)) return nullptr;
  const char* name = text_parameter(topic, "topic", POLYBUS_INVALID_TOPIC);
  uint64_t kept = 0;
  if (!name || !count_parameter(history, "history", 0, 64, &kept) ||
      !count_parameter(quota == Py_None ? nullptr : quota, "quota", 1, INT64_MAX, &options.quota_bytes)) {
    return nullptr;
  }
  options.history = static_cast<uint32_t>(kept);
  options.exclusive = exclusive;
  const int64_t own_timeout_ms = options.timeout_ms;
  options.timeout_ms = std::min<int64_t>(own_timeout_ms, 100);  // a step of wait_in_steps(), which does the rest
  auto handle = std::make_shared<PublisherHandle>();
  handle->node = link->connect();
  if (!handle->node) return nullptr;
  polybus_error error{};
  const int code = wait_interruptibly(kForever, [&](int64_t) {
    return polybus_publisher_open(handle->node->node, name, tables ? tables->handle : nullptr, &options,
                                  &handle->publisher, &error);
  });
  if (code == kRaised || !check(code, error)) return nullptr;
  return create<Publisher>(link, std::move(handle), std::move(tables), std::string(name), own_timeout_ms);
}

bool add_publisher_types(PyObject* module) {
  type_of<Publisher> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<Publisher> && add_draft_types(module) &&
         PyModule_AddObjectRef(module, "Publisher", reinterpret_cast<PyObject*>(type_of<Publisher>)) == 0;
}

}  // namespace polybus_python

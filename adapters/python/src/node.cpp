#include "node.hpp"

#include <cstring>

#include "errors.hpp"
#include "parameters.hpp"
#include "publisher.hpp"
#include "region.hpp"
#include "subscriber.hpp"
#include "waiting.hpp"
#include "watch.hpp"

namespace polybus_python {

NodeHandle::~NodeHandle() {
  // Other threads may be in the middle of something that needs the GIL, and closing talks to busd.
  Py_BEGIN_ALLOW_THREADS;
  polybus_node_close(node);
  Py_END_ALLOW_THREADS;
}

NodeHandlePtr NodeLink::connect() {
  if (closed_) {
    raise(POLYBUS_CLOSED, "node '%s' is closed; make a new polybus.Node", name.c_str());
    return nullptr;
  }
  if (handle_) return handle_;
  polybus_node_options options;
  polybus_node_options_init(&options);
  if (has_bus) options.bus = bus.c_str();
  if (has_timeout) options.timeout_ms = timeout_ms;
  options.autostart = autostart;
  options.language = language.c_str();
  polybus_error error{};
  const int code = wait_interruptibly(kForever, [&](int64_t) -> int {
    std::lock_guard lock(opening_);
    return opened_ ? POLYBUS_OK : polybus_node_open_with(name.c_str(), &options, &opened_, &error);
  });
  if (code == kRaised || !check(code, error)) return nullptr;
  if (!handle_) {
    handle_ = std::make_shared<NodeHandle>();
    handle_->node = opened_;
  }
  return handle_;
}

void NodeLink::close() {
  if (closed_) return;
  closed_ = true;
  // Closing an end may drop the last reference to another one, which then leaves the set by itself.
  while (!ends_.empty()) {
    End* end = *ends_.begin();
    ends_.erase(ends_.begin());
    end->close();
  }
  handle_.reset();
}

namespace {

std::string language_text() {
  const char* version = Py_GetVersion();  // "3.11.7 (main, ...)"
  const char* dot = strchr(version, '.');
  const char* end = dot ? strchr(dot + 1, '.') : nullptr;
  return "python " + (end ? std::string(version, end) : std::string(version));
}

PyObject* new_node(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  static const char* keywords[] = {"name", "bus", "timeout", "autostart", nullptr};
  PyObject *name, *bus = Py_None, *timeout = Py_None, *autostart = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OOO:Node", const_cast<char**>(keywords), &name, &bus, &timeout,
                                   &autostart)) {
    return nullptr;
  }
  auto link = std::make_shared<NodeLink>();
  link->has_bus = bus != Py_None;
  link->has_timeout = timeout != Py_None;
  const char* name_text = text_parameter(name, "name");
  const char* bus_text = name_text && link->has_bus ? text_parameter(bus, "bus") : "";
  if (!name_text || !bus_text) return nullptr;
  if (link->has_bus && !*bus_text) {  // in C, empty means: not given
    return raise(POLYBUS_INVALID_ARGUMENT, "bus: expected 1 to 64 of A-Z a-z 0-9 _ . -, or None, got ''");
  }
  link->name = name_text;
  link->bus = bus_text;
  if (!parse_timeout(timeout, 0, &link->timeout_ms)) return nullptr;
  if (autostart != Py_None) {
    if (!PyBool_Check(autostart)) {
      TypeName type(autostart);
      return raise(POLYBUS_INVALID_ARGUMENT, "autostart: expected bool or None, got %s", type.text());
    }
    link->autostart = autostart == Py_True;
  }
  link->language = language_text();
  return create<Node>(std::move(link));
}

PyObject* publisher(PyObject* self, PyObject* args, PyObject* kwargs) {
  return open_publisher(state<Node>(self).link, args, kwargs);
}
PyObject* subscriber(PyObject* self, PyObject* args, PyObject* kwargs) {
  return open_subscriber(state<Node>(self).link, args, kwargs);
}
PyObject* region(PyObject* self, PyObject* args, PyObject* kwargs) {
  return open_region(state<Node>(self).link, args, kwargs);
}
PyObject* watch(PyObject* self, PyObject* args, PyObject* kwargs) {
  return open_watch(state<Node>(self).link, args, kwargs);
}

PyObject* graph(PyObject* self, PyObject*) {
  NodeHandlePtr handle = state<Node>(self).link->connect();
  if (!handle) return nullptr;
  char* json = nullptr;
  polybus_error error{};
  const int code =
      wait_interruptibly(kForever, [&](int64_t) { return polybus_node_graph_json(handle->node, &json, &error); });
  if (code == kRaised || !check(code, error)) return nullptr;
  return parse_json(json);
}

PyObject* connect(PyObject* self, PyObject*) { return state<Node>(self).link->connect() ? none() : nullptr; }

PyObject* close(PyObject* self, PyObject*) {
  state<Node>(self).link->close();
  return none();
}

PyObject* enter(PyObject* self, PyObject*) {
  if (state<Node>(self).link->is_closed()) return raise(POLYBUS_CLOSED, "the node is closed; make a new polybus.Node");
  return Ref::borrow(self).release();
}
PyObject* leave(PyObject* self, PyObject*) { return close(self, nullptr); }

PyObject* get_name(PyObject* self, void*) { return PyUnicode_FromString(state<Node>(self).link->name.c_str()); }
PyObject* get_bus(PyObject* self, void*) {
  const NodeLink& link = *state<Node>(self).link;
  if (link.handle()) return PyUnicode_FromString(polybus_node_bus(link.handle()->node));
  if (link.has_bus) return PyUnicode_FromString(link.bus.c_str());
  const char* environment = getenv("POLYBUS_BUS");
  return PyUnicode_DecodeFSDefault(environment && *environment ? environment : "default");
}
PyObject* get_connected(PyObject* self, void*) {
  const NodeLink& link = *state<Node>(self).link;
  return PyBool_FromLong(link.handle() && polybus_node_connected(link.handle()->node));
}
PyObject* get_closed(PyObject* self, void*) { return PyBool_FromLong(state<Node>(self).link->is_closed()); }

PyObject* repr(PyObject* self) {
  const NodeLink& link = *state<Node>(self).link;
  const char* how = link.is_closed() ? "closed" : link.handle() ? "open" : "not connected yet";
  return PyUnicode_FromFormat("<polybus.Node '%s', %s>", link.name.c_str(), how);
}

PyDoc_STRVAR(
    kDoc,
    "Node(name, *, bus=None, timeout=None, autostart=None)\n--\n\n"
    "One named participant of a bus: where publishers, subscribers and regions come from.\n\n"
    "Connects at first use, so a node may be made at import, before a fork. Nodes of one process share a "
    "connection.\n\n"
    "name: for people to read; need not be unique.\n"
    "bus: name of the bus, 1 to 64 of A-Z a-z 0-9 _ . -; None: $POLYBUS_BUS, else \"default\".\n"
    "timeout: seconds to wait for the bus when connecting; None: 5.\n"
    "autostart: start busd where there is none; None: unless $POLYBUS_AUTOSTART is 0.\n\n"
    "Raises, at first use: NoBusError, TimeoutError, VersionMismatchError, InvalidArgumentError, LimitError,\n"
    "PermissionError, IoError. ClosedError after close(); ForkedError in a child of the process that connected.\n"
    "Thread safety: any number of threads. Lifetime: closing it closes its ends; samples held stay valid. Dropping it\n"
    "does not close ends that are still referred to. Use it in `with`.");

PyMethodDef methods[] = {
    {"publisher", method(publisher), METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR(
         "publisher($self, topic, schema=None, *, history=0, exclusive=False, timeout=0.0, quota=None)\n--\n\n"
         "Opens a publishing end of a topic. Returns when the topic's subscribers are attached (at most 1 s).\n\n"
         "topic: segments of A-Z a-z 0-9 _ . - joined by single slashes, at most 100 bytes.\n"
         "schema: type of the messages, from load_schema(); None: bytes, by publish_bytes() and loan().\n"
         "history: how many of the newest messages are kept for later subscribers, 0 to 64; they outlive the "
         "publisher.\n"
         "exclusive: refuse, and be refused by, any other publisher of the topic.\n"
         "timeout: seconds a publish may wait for a subscriber that asked to block.\n"
         "quota: bytes of shared memory this publisher may use; None: 1 GiB.\n\n"
         "Raises InvalidTopicError, InvalidArgumentError, SchemaMismatchError, ExclusiveError, LimitError and what\n"
         "connecting raises.")},
    {"subscriber", method(subscriber), METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR(
         "subscriber($self, topic, schema=None, *, queue=16, history=None, overflow=\"drop_oldest\", "
         "timeout=None)\n--\n\n"
         "Opens a receiving end of a topic. Returns when the topic's live publishers are attached (at most 1 s): "
         "nothing\n"
         "published after that is missed.\n\n"
         "topic: as for publisher().\n"
         "schema: read the messages by this type; None: by the type the topic has, which may come later.\n"
         "queue: messages that may wait here, 1 to 1024; the oldest are dropped, and counted, beyond that.\n"
         "history: kept messages wanted at the start; None: all there are, up to `queue`; 0: none.\n"
         "overflow: \"drop_oldest\", or \"block\": publishers wait, up to their timeout, while the queue is full.\n"
         "timeout: seconds without a message after which iteration ends quietly; None: never.\n\n"
         "Raises InvalidTopicError, InvalidArgumentError, SchemaMismatchError, LimitError and what connecting "
         "raises.")},
    {"region", method(region), METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("region($self, name, size=4096)\n--\n\nMakes or joins a region: one named current value of bytes.\n\n"
               "name: as a topic's name. size: bytes a value may have at most.\n"
               "Raises InvalidTopicError, InvalidArgumentError, SchemaMismatchError (a topic of that name has a type) "
               "and what\n"
               "connecting raises.")},
    {"graph", method(graph), METH_NOARGS,
     PyDoc_STR("graph($self, /)\n--\n\nWho is on the bus: a dict with `bus`, `nodes` and `topics`, these with their "
               "publishers and subscribers.\n\n"
               "A snapshot, free of references. Raises DisconnectedError and what connecting raises.")},
    {"watch", method(watch), METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("watch($self, *, timeout=None)\n--\n\nWhat comes and goes on the bus from now on: a Watch to iterate "
               "over, also with `async for`.\n\n"
               "timeout: seconds without an event after which iteration ends quietly; None: never.")},
    {"connect", method(connect), METH_NOARGS,
     PyDoc_STR(
         "connect($self, /)\n--\n\nConnects now instead of at first use. Does nothing if that was done already.")},
    {"close", method(close), METH_NOARGS,
     PyDoc_STR("close($self, /)\n--\n\nCloses the node and all its ends. Samples held stay valid. Closing twice does "
               "nothing.")},
    {"__enter__", method(enter), METH_NOARGS, PyDoc_STR("__enter__($self, /)\n--\n\nThe node itself.")},
    {"__exit__", method(leave), METH_VARARGS, PyDoc_STR("__exit__($self, /, *exc_info)\n--\n\nCloses it.")},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef properties[] = {{"name", get_name, nullptr, "The node's name.", nullptr},
                            {"bus", get_bus, nullptr, "Name of its bus.", nullptr},
                            {"connected", get_connected, nullptr,
                             "Is the registry (busd) there now? Data keeps flowing while it is away.", nullptr},
                            {"closed", get_closed, nullptr, "Was close() called?", nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_new, slot(new_node)},
                       {Py_tp_dealloc, slot(destroy<Node>)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_repr, slot(repr)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.Node", sizeof(Object<Node>), 0, Py_TPFLAGS_DEFAULT, slots};

}  // namespace

bool add_node_types(PyObject* module) {
  type_of<Node> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<Node> && PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(type_of<Node>)) == 0;
}

}  // namespace polybus_python

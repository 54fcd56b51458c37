#include <algorithm>

#include "builder.hpp"
#include "errors.hpp"
#include "publisher.hpp"
#include "waiting.hpp"

namespace polybus_python {
namespace {

Publisher& lender(Draft& draft) { return state<Publisher>(draft.publisher.get()); }

// Somebody still sees memory that publishing would free: send a copy, and let the draft live until they are done.
bool publish_copy(Draft& draft, int64_t timeout_ms) {
  polybus_struct written{};
  polybus_error error{};
  if (!check(polybus_struct_as_reader(&draft.root, &written, &error), error)) return false;
  Ref copy_object = Ref::steal(lend_draft(draft.publisher.get(), draft.size, 1024));
  if (!copy_object) return false;
  Draft& copy = state<Draft>(copy_object.get());
  if (!check(polybus_struct_copy_all(&copy.root, &written, &error), error) || !publish_draft(copy, timeout_ms))
    return false;
  draft.sequence = copy.sequence;
  draft.close();
  draft.is_published = true;
  return true;
}

PyObject* publish(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* keywords[] = {"timeout", nullptr};
  PyObject* timeout = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:publish", const_cast<char**>(keywords), &timeout)) return nullptr;
  Draft& draft = state<Draft>(self);
  int64_t timeout_ms;
  if (!draft.building->check_open() || !parse_timeout(timeout, lender(draft).timeout_ms, &timeout_ms)) return nullptr;
  return publish_draft(draft, timeout_ms) ? PyLong_FromUnsignedLongLong(draft.sequence) : nullptr;
}

PyObject* discard(PyObject* self, PyObject*) {
  state<Draft>(self).close();
  return none();
}

PyObject* enter(PyObject* self, PyObject*) {
  return state<Draft>(self).building->check_open() ? Ref::borrow(self).release() : nullptr;
}

PyObject* leave(PyObject* self, PyObject* args) {
  Draft& draft = state<Draft>(self);
  PyObject* type = PyTuple_Size(args) > 0 ? PyTuple_GetItem(args, 0) : Py_None;
  // Published or discarded inside the block: nothing is left to do.
  if (!draft.building->is_open()) return none();
  if (type != Py_None) {
    draft.close();
    return none();
  }
  if (publish_draft(draft, lender(draft).timeout_ms)) return none();
  draft.close();
  return nullptr;
}

PyObject* get_msg(PyObject* self, void*) {
  Draft& draft = state<Draft>(self);
  if (!draft.building->check_open()) return nullptr;
  if (!draft.building->tables()) {
    return raise(POLYBUS_INVALID_ARGUMENT, "%s is untyped here: write into draft.data", lender(draft).topic.c_str());
  }
  return new_message_builder(draft.building, draft.building->tables()->structs[0], draft.root, std::string());
}

PyObject* get_data(PyObject* self, void*) {
  Draft& draft = state<Draft>(self);
  if (!draft.building->check_open()) return nullptr;
  if (draft.building->tables()) {
    return raise(POLYBUS_INVALID_ARGUMENT, "%s is typed: write into draft.msg", lender(draft).topic.c_str());
  }
  size_t capacity = 0;
  void* data = polybus_draft_data(draft.building->draft(), &capacity);
  return writable_memoryview(draft.building, data, draft.size);
}

PyObject* get_size(PyObject* self, void*) { return PyLong_FromSize_t(state<Draft>(self).size); }

int set_size(PyObject* self, PyObject* value, void*) {
  Draft& draft = state<Draft>(self);
  if (!draft.building->check_open()) return -1;
  size_t capacity = 0;
  if (!draft.building->tables()) polybus_draft_data(draft.building->draft(), &capacity);
  const size_t size = value && PyLong_Check(value) ? PyLong_AsSize_t(value) : SIZE_MAX;
  if (PyErr_Occurred()) PyErr_Clear();
  if (draft.building->tables() || size > capacity) {
    raise(POLYBUS_INVALID_ARGUMENT, "size: expected 0 to %zu bytes, of a draft of an untyped topic", capacity);
    return -1;
  }
  draft.size = size;
  return 0;
}

PyObject* get_seq(PyObject* self, void*) {
  const Draft& draft = state<Draft>(self);
  return draft.is_published ? PyLong_FromUnsignedLongLong(draft.sequence) : none();
}

PyObject* repr(PyObject* self) {
  const Draft& draft = state<Draft>(self);
  return PyUnicode_FromFormat("<polybus.Draft, %s>", draft.building->is_open() ? "open"
                                                     : draft.is_published      ? "published"
                                                                               : "discarded");
}

PyDoc_STRVAR(
    kDoc,
    "A message being built in memory on loan from the bus, from `publisher.loan()`.\n\n"
    "In a `with` block it is published on a clean exit and discarded on an exception; without one call publish() or\n"
    "discard(). Dropped, it is discarded.\n\n"
    "Lifetime: after it was published or discarded, `msg` and `data` raise ClosedError. Arrays made from them before\n"
    "stay valid memory, but must not be written to any more: readers may see it, or a later message of this "
    "publisher.\n"
    "An array of a message that outgrew its loan makes publishing copy it once; with a large enough `size`, never.\n"
    "Thread safety: one thread at a time.");

PyMethodDef methods[] = {
    {"publish", method(publish), METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("publish($self, timeout=None)\n--\n\nPublishes the message; returns its sequence number.\n\n"
               "timeout: seconds to wait for subscribers that asked to block; None: the publisher's own.\n"
               "Raises TimeoutError, TooLargeError, NoMemoryError: nothing was sent, and the draft is still open. "
               "ClosedError if\n"
               "it was published or discarded before.")},
    {"discard", method(discard), METH_NOARGS,
     PyDoc_STR(
         "discard($self, /)\n--\n\nGives the memory back unpublished. Does nothing if it is published or discarded.")},
    {"__enter__", method(enter), METH_NOARGS, PyDoc_STR("__enter__($self, /)\n--\n\nThe draft itself.")},
    {"__exit__", method(leave), METH_VARARGS,
     PyDoc_STR("__exit__($self, /, *exc_info)\n--\n\nPublishes it, or discards it on an exception.")},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef properties[] = {
    {"msg", get_msg, nullptr, "Typed topics: the message, as MessageBuilder.", nullptr},
    {"data", get_data, nullptr, "Untyped topics: the bytes to fill, a writable memoryview of `size` bytes, not zeroed.",
     nullptr},
    {"size", get_size, set_size, "Bytes on loan. Untyped topics: may be set to the number of bytes to publish.",
     nullptr},
    {"seq", get_seq, nullptr, "Sequence number once published, else None.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_dealloc, slot(destroy<Draft>)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_repr, slot(repr)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus.Draft", sizeof(Object<Draft>), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                    slots};

}  // namespace

Draft::Draft(PyObject* from, BuildingPtr memory, size_t bytes)
    : publisher(Ref::borrow(from)), building(std::move(memory)), size(bytes) {
  state<Publisher>(from).drafts.insert(this);
}

Draft::~Draft() { close(); }

void Draft::close() {
  if (is_publishing) return;
  lender(*this).drafts.erase(this);
  if (building->is_open()) building->discard();
}

PyObject* lend_draft(PyObject* publisher_object, size_t size, size_t structure) {
  Publisher& publisher = state<Publisher>(publisher_object);
  if (!publisher.check_open()) return nullptr;
  polybus_draft* lent = nullptr;
  polybus_error error{};
  const size_t wanted = publisher.tables ? size + structure : size;
  if (!check(polybus_publisher_loan(publisher.handle->publisher, wanted, &lent, &error), error)) return nullptr;
  auto building = std::make_shared<Building>(lent, publisher.handle, publisher.tables);
  Ref draft_object = Ref::steal(create<Draft>(publisher_object, building, size));
  if (!draft_object) return nullptr;
  Draft& draft = state<Draft>(draft_object.get());
  if (publisher.tables) {
    if (!check(polybus_draft_root(lent, &draft.root, &error), error)) return nullptr;
    // The root struct comes first in the chunk, behind a few words of framing: from there on, this much is surely inside.
    building->set_chunk(draft.root.data, wanted - std::min<size_t>(wanted, 64));
  } else {
    size_t capacity = 0;
    const void* data = polybus_draft_data(lent, &capacity);
    building->set_chunk(data, capacity);
  }
  return draft_object.release();
}

bool publish_draft(Draft& draft, int64_t timeout_ms) {
  if (draft.building->must_copy()) return publish_copy(draft, timeout_ms);
  if (draft.is_publishing) {
    raise(POLYBUS_CLOSED, "another thread is publishing this draft");
    return false;
  }
  polybus_error error{};
  polybus_draft* handle = draft.building->draft();
  BuildingPtr building = draft.building;
  Publisher& publisher = lender(draft);
  // Out of the publisher's sight while it may wait without the GIL: a close() meanwhile must not discard it.
  publisher.drafts.erase(&draft);
  draft.is_publishing = true;
  const int code = wait_in_steps(
      timeout_ms,
      [&](int64_t step_ms) { return polybus_draft_publish(handle, draft.size, step_ms, &draft.sequence, &error); },
      [&] { return publisher.handle != nullptr; });
  draft.is_publishing = false;
  if (code == kRaised || !check(code, error)) {
    if (publisher.handle)
      publisher.drafts.insert(&draft);
    else
      building->discard();
    return false;
  }
  building->published();
  draft.is_published = true;
  return true;
}

bool add_draft_types(PyObject* module) {
  type_of<Draft> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<Draft> && PyModule_AddObjectRef(module, "Draft", reinterpret_cast<PyObject*>(type_of<Draft>)) == 0;
}

}  // namespace polybus_python

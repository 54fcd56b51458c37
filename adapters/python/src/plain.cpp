#include "plain.hpp"

#include <cmath>

#include "any_pointer.hpp"
#include "errors.hpp"
#include "scalar.hpp"

namespace polybus_python {
namespace {

// A message of eight bytes may claim 2^29 elements of no size, and pointers may all lead to the same list. What one call
// makes of a message is therefore bounded by the message's own size.
class Budget {
 public:
  // `is_json`: 64-bit integers as strings, bytes as base64, and so on.
  Budget(const Memory& memory, bool is_json) : is_json(is_json), left_(kLeast + 8 * memory.size()) {}
  const bool is_json;

  bool spend(uint64_t elements, uint64_t bytes = 0) {
    const uint64_t cost = elements + bytes / 8 + 1;
    if (cost <= left_) {
      left_ -= cost;
      return true;
    }
    raise(POLYBUS_BAD_MESSAGE, "the message claims more elements than its bytes could carry");
    return false;
  }
  bool enter() {
    if (++depth_ <= kDepth) return true;
    raise(POLYBUS_BAD_MESSAGE, "the message is nested more than %d deep", kDepth);
    return false;
  }
  void leave() { --depth_; }

 private:
  static constexpr uint64_t kLeast = 1u << 20;
  static constexpr int kDepth = 128;
  uint64_t left_;
  int depth_ = 0;
};

PyObject* plain_struct(const Message& message, Budget& budget);
PyObject* plain_list(const List& list, Budget& budget);

// What JSON has no value of its own for. Steals `value`.
PyObject* json_scalar(const polybus_type& type, PyObject* value) {
  Ref owned = Ref::steal(value);
  if (type.list_depth > 0 || !value) return owned.release();
  if (type.kind == POLYBUS_KIND_INT64 || type.kind == POLYBUS_KIND_UINT64) return PyObject_Str(value);
  if (type.kind == POLYBUS_KIND_FLOAT32 || type.kind == POLYBUS_KIND_FLOAT64) {
    const double number = PyFloat_AsDouble(value);
    if (std::isnan(number)) return PyUnicode_FromString("NaN");
    if (std::isinf(number)) return PyUnicode_FromString(number > 0 ? "Infinity" : "-Infinity");
  }
  return owned.release();
}

// What read_field() and read_element() gave, without references to the message. Steals `value`.
PyObject* plain(const polybus_type& type, PyObject* value, Budget& budget) {
  Ref owned = Ref::steal(value);
  if (!value) return nullptr;
  if (is_a<Message>(value)) return plain_struct(state<Message>(value), budget);
  if (is_a<List>(value)) return plain_list(state<List>(value), budget);
  if (PyMemoryView_Check(value)) {
    if (!budget.spend(1, static_cast<uint64_t>(PyObject_Size(value)))) return nullptr;
    Ref bytes = Ref::steal(PyBytes_FromObject(value));
    PyObject* encode = budget.is_json ? python_helper("_text", "base64_text") : nullptr;
    if (!budget.is_json || !bytes) return bytes.release();
    return encode ? PyObject_CallFunctionObjArgs(encode, bytes.get(), nullptr) : nullptr;
  }
  if (is_a<AnyPointer>(value)) return none();
  if (PyUnicode_Check(value) && !budget.spend(1, static_cast<uint64_t>(PyUnicode_GetLength(value)))) return nullptr;
  return budget.is_json ? json_scalar(type, owned.release()) : owned.release();
}

bool is_inactive(const Message& message, const polybus_field& field) {
  return field.discriminant >= 0 && union_tag(*message.table, message.view) != field.discriminant;
}

// A null pointer is left out; as the active member of a union it is None, which says at least that it is the active one.
// `*value` stays empty for what is left out. False with a Python error set.
bool plain_field(const Message& message, const polybus_field& field, Budget& budget, Ref* value) {
  if (is_inactive(message, field)) return true;
  const int present = field.is_group || is_scalar(field.type) ? 1 : is_present(message, field);
  if (present < 0) return false;
  if (present && field.type.kind == POLYBUS_KIND_INTERFACE) {
    *value = Ref::borrow(Py_None);
    return true;
  }
  if (present) {
    *value = Ref::steal(plain(field.type, read_field(message, field), budget));
    return static_cast<bool>(*value);
  }
  if (field.discriminant >= 0) *value = Ref::borrow(Py_None);
  return true;
}

PyObject* plain_struct(const Message& message, Budget& budget) {
  if (!budget.spend(1) || !budget.enter()) return nullptr;
  Ref dict = Ref::steal(PyDict_New());
  for (uint32_t i = 0; dict && i < message.table->info->field_count; ++i) {
    Ref value;
    if (!plain_field(message, message.table->info->fields[i], budget, &value)) return nullptr;
    if (value && PyDict_SetItem(dict.get(), message.table->names[i].get(), value.get()) < 0) return nullptr;
  }
  budget.leave();
  return dict.release();
}

PyObject* plain_list(const List& list, Budget& budget) {
  if (!budget.spend(list.view.count) || !budget.enter()) return nullptr;
  Ref items = Ref::steal(PyList_New(list.view.count));
  for (uint32_t i = 0; items && i < list.view.count; ++i) {
    PyObject* value = plain(list.element, read_element(list, i), budget);
    if (!value) return nullptr;
    PyList_SetItem(items.get(), i, value);
  }
  budget.leave();
  return items.release();
}

}  // namespace

PyObject* to_dict(const Message& message) {
  if (!message.memory->check_open()) return nullptr;
  Budget budget(*message.memory, false);
  return plain_struct(message, budget);
}

PyObject* to_json(const Message& message) {
  if (!message.memory->check_open()) return nullptr;
  Budget budget(*message.memory, true);
  Ref values = Ref::steal(plain_struct(message, budget));
  PyObject* dump = values ? python_helper("_text", "dump_json") : nullptr;
  return dump ? PyObject_CallFunctionObjArgs(dump, values.get(), nullptr) : nullptr;
}

PyObject* to_list(const List& list) {
  if (!list.memory->check_open()) return nullptr;
  Budget budget(*list.memory, false);
  return plain_list(list, budget);
}

}  // namespace polybus_python

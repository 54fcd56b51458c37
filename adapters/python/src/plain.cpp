#include "plain.hpp"

#include "errors.hpp"
#include "scalar.hpp"

namespace polybus_python {
namespace {

// A message of eight bytes may claim 2^29 elements of no size, and pointers may all lead to the same list. What one call
// makes of a message is therefore bounded by the message's own size.
class Budget {
 public:
  explicit Budget(const Memory& memory) : left_(kLeast + 8 * memory.size()) {}
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

// What read_field() and read_element() gave, without references to the message. Steals `value`.
PyObject* plain(PyObject* value, Budget& budget) {
  Ref owned = Ref::steal(value);
  if (!value) return nullptr;
  if (is_a<Message>(value)) return plain_struct(state<Message>(value), budget);
  if (is_a<List>(value)) return plain_list(state<List>(value), budget);
  if (PyMemoryView_Check(value)) {
    if (!budget.spend(1, static_cast<uint64_t>(PyObject_Size(value)))) return nullptr;
    return PyBytes_FromObject(value);
  }
  if (PyUnicode_Check(value) && !budget.spend(1, static_cast<uint64_t>(PyUnicode_GetLength(value)))) return nullptr;
  return owned.release();
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
  if (present) {
    *value = Ref::steal(plain(read_field(message, field), budget));
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
    PyObject* value = plain(read_element(list, i), budget);
    if (!value) return nullptr;
    PyList_SetItem(items.get(), i, value);
  }
  budget.leave();
  return items.release();
}

}  // namespace

PyObject* to_dict(const Message& message) {
  if (!message.memory->check_open()) return nullptr;
  Budget budget(*message.memory);
  return plain_struct(message, budget);
}

PyObject* to_list(const List& list) {
  if (!list.memory->check_open()) return nullptr;
  Budget budget(*list.memory);
  return plain_list(list, budget);
}

}  // namespace polybus_python

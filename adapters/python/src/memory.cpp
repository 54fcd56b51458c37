#include "memory.hpp"

#include "errors.hpp"

namespace polybus_python {

MemoryPtr Memory::of_sample(polybus_sample* sample, const polybus_sample_info& info, TablesPtr tables) {
  auto memory = std::make_shared<Memory>();
  memory->sample_ = sample;
  memory->data_ = info.data;
  memory->size_ = info.size;
  memory->tables_ = std::move(tables);
  return memory;
}

MemoryPtr Memory::of_buffer(PyObject* exporter, TablesPtr tables) {
  auto memory = std::make_shared<Memory>();
  if (PyObject_GetBuffer(exporter, &memory->buffer_, PyBUF_SIMPLE) < 0) return nullptr;
  memory->data_ = memory->buffer_.buf;
  memory->size_ = static_cast<size_t>(memory->buffer_.len);
  memory->tables_ = std::move(tables);
  return memory;
}

MemoryPtr Memory::of_default(const polybus_field& field, TablesPtr tables) {
  auto memory = std::make_shared<Memory>();
  memory->data_ = field.default_frame;
  memory->size_ = field.default_frame_size;
  memory->tables_ = std::move(tables);
  return memory;
}

MemoryPtr Memory::with_tables(const MemoryPtr& memory, TablesPtr tables) {
  auto other = std::make_shared<Memory>();
  other->whole_ = memory->whole_ ? memory->whole_ : memory;
  other->size_ = memory->size_;
  other->tables_ = std::move(tables);
  return other;
}

MemoryPtr Memory::of_own(TablesPtr tables) {
  auto memory = std::make_shared<Memory>();
  memory->size_ = SIZE_MAX / 16;
  memory->tables_ = std::move(tables);
  return memory;
}

bool Memory::check_open() const {
  if (!is_open())
    raise(POLYBUS_CLOSED, "the sample was released; call sample.retain() to keep it beyond its loop or `with`");
  return is_open();
}

bool Memory::root(polybus_struct* root) {
  if (!check_open()) return false;
  if (!message_) {
    polybus_error error{};
    if (!check(polybus_message_open(data_, size_, &message_, &root_, &error), error)) return false;
  }
  *root = root_;
  return true;
}

void Memory::drop() {
  if (!open_) return;
  open_ = false;
  if (message_) polybus_message_close(message_);
  if (sample_) polybus_sample_release(sample_);
  if (buffer_.obj) PyBuffer_Release(&buffer_);
  message_ = nullptr;
  sample_ = nullptr;
}

int fill_buffer(Py_buffer* view, int flags, PyObject* exporter, const ArrayShape& array, Py_ssize_t* count,
                Py_ssize_t* stride) {
  static char nothing;  // numpy wants an address even for no elements
  view->obj = nullptr;
  if ((flags & PyBUF_WRITABLE) && !array.writable) {
    PyErr_SetString(PyExc_BufferError, "a received message is read-only: copy what you want to change");
    return -1;
  }
  const bool contiguous = array.stride == array.item_size || array.count < 2;
  if (!contiguous && (flags & PyBUF_STRIDES) != PyBUF_STRIDES) {
    PyErr_SetString(PyExc_BufferError, "the elements of this list do not lie side by side: ask for strides");
    return -1;
  }
  *count = array.count;
  *stride = contiguous ? array.item_size : array.stride;
  view->buf = array.data ? array.data : &nothing;
  view->len = array.count * array.item_size;
  view->itemsize = array.item_size;
  view->readonly = !array.writable;
  view->ndim = 1;
  view->format = flags & PyBUF_FORMAT ? const_cast<char*>(array.format) : nullptr;
  view->shape = flags & PyBUF_ND ? count : nullptr;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? stride : nullptr;
  view->suboffsets = nullptr;
  view->internal = nullptr;
  Py_INCREF(exporter);
  view->obj = exporter;
  return 0;
}

namespace {

// What stands behind the memoryviews of `sample.data` and Data fields.
struct Bytes {
  MemoryPtr memory;
  const void* data;
  Py_ssize_t size;
  Py_ssize_t stride;
};

int bytes_get_buffer(PyObject* self, Py_buffer* view, int flags) {
  Bytes& bytes = state<Bytes>(self);
  ArrayShape array{const_cast<void*>(bytes.data), bytes.size, 1, "B", 1, false};
  if (fill_buffer(view, flags, self, array, &bytes.size, &bytes.stride) < 0) return -1;
  bytes.memory->add_export();
  return 0;
}

void bytes_release_buffer(PyObject* self, Py_buffer*) { state<Bytes>(self).memory->remove_export(); }

PyType_Slot bytes_slots[] = {{Py_tp_dealloc, slot(destroy<Bytes>)},
                             {Py_bf_getbuffer, slot(bytes_get_buffer)},
                             {Py_bf_releasebuffer, slot(bytes_release_buffer)},
                             {0, nullptr}};
PyType_Spec bytes_spec = {"polybus._core._Bytes", sizeof(Object<Bytes>), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, bytes_slots};

}  // namespace

PyObject* memoryview_of(const MemoryPtr& memory, const void* data, size_t size) {
  if (!memory->check_open()) return nullptr;
  Ref bytes = Ref::steal(create<Bytes>(memory, data, static_cast<Py_ssize_t>(size), Py_ssize_t{1}));
  return bytes ? PyMemoryView_FromObject(bytes.get()) : nullptr;
}

bool add_memory_types(PyObject*) {
  type_of<Bytes> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&bytes_spec));
  return type_of<Bytes> != nullptr;
}

}  // namespace polybus_python

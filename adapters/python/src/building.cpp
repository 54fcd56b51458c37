#include "building.hpp"

#include "errors.hpp"
#include "memory.hpp"

namespace polybus_python {

Building::~Building() { free_memory(); }

bool Building::check_open() const {
  if (!open_) raise(POLYBUS_CLOSED, "the draft was published or discarded; take a new one with publisher.loan()");
  return open_;
}

void Building::set_chunk(const void* start, size_t size) {
  chunk_ = static_cast<const uint8_t*>(start);
  chunk_size_ = size;
}

void Building::add_export(const void* data, size_t size) {
  const auto* start = static_cast<const uint8_t*>(data);
  const bool inside = start >= chunk_ && start + size <= chunk_ + chunk_size_;
  if (exports_++ == 0) exports_beyond_chunk_ = false;
  exports_beyond_chunk_ |= !inside;
}

void Building::published() {
  draft_ = nullptr;
  open_ = false;
  if (exports_ == 0) owner_.reset();
}

void Building::discard() {
  open_ = false;
  if (exports_ == 0) free_memory();
}

void Building::free_memory() {
  open_ = false;
  if (draft_) polybus_draft_discard(draft_);
  if (builder_) polybus_builder_close(builder_);
  draft_ = nullptr;
  builder_ = nullptr;
  owner_.reset();
}

namespace {

struct WritableBytes {
  BuildingPtr building;
  void* data;
  Py_ssize_t size;
  Py_ssize_t stride;
};

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  WritableBytes& bytes = state<WritableBytes>(self);
  ArrayShape array{bytes.data, bytes.size, 1, "B", 1, true};
  if (fill_buffer(view, flags, self, array, &bytes.size, &bytes.stride) < 0) return -1;
  bytes.building->add_export(bytes.data, static_cast<size_t>(bytes.size));
  return 0;
}

void release_buffer(PyObject* self, Py_buffer*) { state<WritableBytes>(self).building->remove_export(); }

PyType_Slot slots[] = {{Py_tp_dealloc, slot(destroy<WritableBytes>)},
                       {Py_bf_getbuffer, slot(get_buffer)},
                       {Py_bf_releasebuffer, slot(release_buffer)},
                       {0, nullptr}};
PyType_Spec spec = {"polybus._core._WritableBytes", sizeof(Object<WritableBytes>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

PyObject* writable_memoryview(const BuildingPtr& building, void* data, size_t size) {
  if (!building->check_open()) return nullptr;
  Ref bytes = Ref::steal(create<WritableBytes>(building, data, static_cast<Py_ssize_t>(size), Py_ssize_t{1}));
  return bytes ? PyMemoryView_FromObject(bytes.get()) : nullptr;
}

bool add_building_types(PyObject*) {
  type_of<WritableBytes> = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type_of<WritableBytes> != nullptr;
}

}  // namespace polybus_python

// The memory of a message that is being read: a sample of the bus, or any Python buffer.
//
//     Sample ──► Memory ◄── Message, List, Bytes ◄── memoryview, numpy array
//
// All views share the Memory; the sample goes back to its publisher with the last of them. Nothing points from the Memory
// to a view, so there are no cycles. drop() ends it early: views then raise ClosedError. It is refused while buffers are
// exported, because a numpy array cannot be told.
#pragma once

#include <polybus/polybus.h>

#include <memory>

#include "schema.hpp"

namespace polybus_python {

class Memory;
using MemoryPtr = std::shared_ptr<Memory>;

class Memory {
 public:
  // Takes over one count of the sample.
  static MemoryPtr of_sample(polybus_sample* sample, const polybus_sample_info& info, TablesPtr tables);
  // Any contiguous buffer. NULL with a Python error set.
  static MemoryPtr of_buffer(PyObject* exporter, TablesPtr tables);
  // A default value of a schema: a frame that lives as long as the tables.
  static MemoryPtr of_default(const polybus_field& field, TablesPtr tables);

  // The same memory, read by the tables of another schema (AnyPointer).
  static MemoryPtr with_tables(const MemoryPtr& memory, TablesPtr tables);
  // Of a message that we are building ourselves: trusted, and of no known size.
  static MemoryPtr of_own(TablesPtr tables);

  Memory() = default;
  ~Memory() { drop(); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Opens the message at the first call. false with BadMessageError or ClosedError set.
  bool root(polybus_struct* root);
  // false with ClosedError set once the memory was given back.
  bool check_open() const;
  bool is_open() const { return whole_ ? whole_->is_open() : open_; }
  // Gives the memory back now. Only without exports.
  void drop();

  const void* data() const { return data_; }
  size_t size() const { return size_; }
  polybus_sample* sample() const { return sample_; }
  const SchemaTables& tables() const { return *tables_; }
  void set_tables(TablesPtr tables) { tables_ = std::move(tables); }
  const TablesPtr& shared_tables() const { return tables_; }

  // Buffers that Python code reads through without asking.
  void add_export() { ++(whole_ ? whole_->exports_ : exports_); }
  void remove_export() { --(whole_ ? whole_->exports_ : exports_); }
  Py_ssize_t exports() const { return exports_; }

 private:
  MemoryPtr whole_;  // what with_tables() was given
  Py_ssize_t exports_ = 0;
  const void* data_ = nullptr;
  size_t size_ = 0;
  TablesPtr tables_;
  polybus_sample* sample_ = nullptr;
  Py_buffer buffer_{};
  polybus_message* message_ = nullptr;
  polybus_struct root_{};
  bool open_ = true;
};

// A read-only memoryview of some bytes of it. NULL with a Python error set.
PyObject* memoryview_of(const MemoryPtr& memory, const void* data, size_t size);

// Fills a one-dimensional read-only or writable view. What is described must live as long as `exporter`.
struct ArrayShape {
  void* data;
  Py_ssize_t count;
  Py_ssize_t stride;
  const char* format;
  Py_ssize_t item_size;
  bool writable;
};
int fill_buffer(Py_buffer* view, int flags, PyObject* exporter, const ArrayShape& array, Py_ssize_t* count,
                Py_ssize_t* stride);

bool add_memory_types(PyObject* module);

}  // namespace polybus_python

// The memory of a message that is being written: a draft on loan from the bus, or private memory.
//
//     Draft ──► Building ◄── MessageBuilder, ListBuilder, WritableBytes ◄── memoryview, numpy array
//
// Python variables outlive their block, so a writable array may still be there when its draft is published:
//
//     with pub.loan(size) as draft:
//         pixels = numpy.asarray(draft.msg.init("pixels", n))
//         render(pixels)
//     pixels[0]   # must not crash
//
// The Building keeps the memory mapped until the last array is gone. An array that lies in the chunk itself goes on seeing
// the published bytes, so the draft is published as it is. One that lies in memory which publishing would free (a message
// that outgrew its loan) makes publish() send a copy, and the draft is discarded with the last array.
#pragma once

#include <polybus/polybus.h>

#include <memory>

#include "schema.hpp"

namespace polybus_python {

class Building;
using BuildingPtr = std::shared_ptr<Building>;

class Building {
 public:
  // Takes over the draft. `owner` is kept until the memory is no longer used; the chunk is at least `chunk_size` large.
  Building(polybus_draft* draft, std::shared_ptr<void> owner, TablesPtr tables)
      : draft_(draft), owner_(std::move(owner)), tables_(std::move(tables)) {}
  // Takes over a builder in private memory.
  Building(polybus_builder* builder, TablesPtr tables) : builder_(builder), tables_(std::move(tables)) {}
  ~Building();
  Building(const Building&) = delete;
  Building& operator=(const Building&) = delete;

  // false with ClosedError set once the message was published or discarded.
  bool check_open() const;
  bool is_open() const { return open_; }
  const TablesPtr& tables() const { return tables_; }
  polybus_draft* draft() const { return draft_; }

  // Where the chunk lies: from the root struct's data on.
  void set_chunk(const void* start, size_t size);
  void add_export(const void* data, size_t size);
  void remove_export() { --exports_; }
  // Would publishing free memory that somebody still sees?
  bool must_copy() const { return exports_ > 0 && exports_beyond_chunk_; }

  // The draft was published: it is the library's now.
  void published();
  // Nothing is to be published any more. The memory goes when nobody sees it.
  void discard();

 private:
  void free_memory();

  polybus_draft* draft_ = nullptr;
  polybus_builder* builder_ = nullptr;
  std::shared_ptr<void> owner_;
  TablesPtr tables_;
  const uint8_t* chunk_ = nullptr;
  size_t chunk_size_ = 0;
  Py_ssize_t exports_ = 0;
  bool exports_beyond_chunk_ = false;
  bool open_ = true;
};

// A writable memoryview of some bytes of it. NULL with a Python error set.
PyObject* writable_memoryview(const BuildingPtr& building, void* data, size_t size);

bool add_building_types(PyObject* module);

}  // namespace polybus_python

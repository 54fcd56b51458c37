// Publishers and the drafts they lend.
#pragma once

#include <set>

#include "building.hpp"
#include "node.hpp"

namespace polybus_python {

struct Draft;

// An open polybus_publisher. Destroyed with the GIL held, when the Publisher is closed and no memory of its drafts is seen
// by anybody any more.
struct PublisherHandle {
  ~PublisherHandle();
  polybus_publisher* publisher = nullptr;
  NodeHandlePtr node;
};

// polybus.Publisher
struct Publisher final : End {
  Publisher(NodeLinkPtr node, std::shared_ptr<PublisherHandle> opened, TablesPtr type, std::string name,
            int64_t wait_ms);
  ~Publisher();
  void close() override;
  // false with ClosedError set.
  bool check_open() const;

  NodeLinkPtr link;
  std::shared_ptr<PublisherHandle> handle;  // NULL once closed
  TablesPtr tables;                         // NULL: untyped
  std::string topic;
  int64_t timeout_ms;
  std::set<Draft*> drafts;  // open ones
};

// polybus.Draft
struct Draft {
  Draft(PyObject* lender, BuildingPtr memory, size_t bytes);
  ~Draft();
  void close();  // discards it if it is still open

  Ref publisher;  // Publisher
  BuildingPtr building;
  polybus_struct_builder root{};
  size_t size;  // untyped: bytes that will be published
  uint64_t sequence = 0;
  bool is_published = false;
  bool is_publishing = false;  // by a thread that waits without the GIL
};

PyObject* open_publisher(const NodeLinkPtr& link, PyObject* args, PyObject* kwargs);
// A draft for a message of `size` bytes; `structure` more on typed topics. NULL with a Python error set.
PyObject* lend_draft(PyObject* publisher, size_t size, size_t structure);
// Publishes; false with a Python error set, and the draft is still open.
bool publish_draft(Draft& draft, int64_t timeout_ms);

bool add_publisher_types(PyObject* module);
bool add_draft_types(PyObject* module);

}  // namespace polybus_python

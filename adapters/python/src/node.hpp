// Nodes: a name, and the connection it makes at first use.
//
//     Publisher, Subscriber, Region, Watch ──► NodeLink ──► polybus_node
//
// An end keeps its node's link alive, so `polybus.Node("x").subscriber("t")` works; node.close() closes the ends it knows.
// The polybus_node itself is closed when the last end's handle is, which may be later: a draft whose memory a numpy array
// still sees keeps its publisher's handle.
#pragma once

#include <polybus/polybus.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "object.hpp"

namespace polybus_python {

// An open polybus_node. Destroyed with the GIL held.
struct NodeHandle {
  ~NodeHandle();
  polybus_node* node = nullptr;
};
using NodeHandlePtr = std::shared_ptr<NodeHandle>;

// What a node closes when it is closed.
class End {
 public:
  virtual void close() = 0;  // idempotent

 protected:
  ~End() = default;
};

class NodeLink {
 public:
  std::string name, bus, language;
  bool has_bus = false;
  int64_t timeout_ms = 0;
  bool has_timeout = false;
  int32_t autostart = -1;

  // The open node, connecting now if that was not done yet. NULL with a Python error set.
  NodeHandlePtr connect();
  const NodeHandlePtr& handle() const { return handle_; }
  bool is_closed() const { return closed_; }
  void close();

  void add(End* end) { ends_.insert(end); }
  void remove(End* end) { ends_.erase(end); }

 private:
  NodeHandlePtr handle_;
  std::set<End*> ends_;
  bool closed_ = false;
  // Two threads may use a new node at once. Taken without the GIL.
  std::mutex opening_;
  polybus_node* opened_ = nullptr;
};
using NodeLinkPtr = std::shared_ptr<NodeLink>;

// polybus.Node
struct Node {
  NodeLinkPtr link;
};

bool add_node_types(PyObject* module);

}  // namespace polybus_python

// Watching what comes and goes on a bus.
#pragma once

#include "node.hpp"

namespace polybus_python {

// Threads that wait in it share it: shutdown() sends them home, and it is closed with the last.
struct WatchHandle {
  ~WatchHandle();
  void shutdown();
  polybus_watch* watch = nullptr;
  NodeHandlePtr node;
};

// polybus.Watch
struct Watch final : End {
  Watch(NodeLinkPtr node, std::shared_ptr<WatchHandle> opened, int64_t wait_ms);
  ~Watch();
  void close() override;
  bool check_open() const;

  NodeLinkPtr link;
  std::shared_ptr<WatchHandle> handle;  // NULL once closed
  int64_t timeout_ms;
  Ref close_hooks;  // as Subscriber's
};

PyObject* open_watch(const NodeLinkPtr& link, PyObject* args, PyObject* kwargs);
bool add_watch_types(PyObject* module);

// A text of the library, given back to it, as Python values. NULL with a Python error set.
PyObject* parse_json(char* json);

}  // namespace polybus_python

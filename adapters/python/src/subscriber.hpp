// Subscribers and the loops over them.
#pragma once

#include "node.hpp"
#include "schema.hpp"

namespace polybus_python {

// An open polybus_subscriber. Threads that wait in it share it: shutdown() sends them home, and it is closed with the last.
struct SubscriberHandle {
  ~SubscriberHandle();
  void shutdown();
  polybus_subscriber* subscriber = nullptr;
  NodeHandlePtr node;
};

// polybus.Subscriber
struct Subscriber final : End {
  Subscriber(NodeLinkPtr node, std::shared_ptr<SubscriberHandle> opened, TablesPtr type, Ref name, int64_t wait_ms);
  ~Subscriber();
  void close() override;
  // false with ClosedError set.
  bool check_open() const;

  NodeLinkPtr link;
  std::shared_ptr<SubscriberHandle> handle;  // NULL once closed
  TablesPtr tables;                          // the caller's schema, or NULL
  Ref topic;
  int64_t timeout_ms;
  Ref close_hooks;  // set of callables: async loops, which wait without a thread inside
};

PyObject* open_subscriber(const NodeLinkPtr& link, PyObject* args, PyObject* kwargs);
bool add_subscriber_types(PyObject* module);

// Adds to, or takes from, a set of close hooks; calls them all.
PyObject* add_close_hook(Ref& hooks, PyObject* hook);
PyObject* remove_close_hook(Ref& hooks, PyObject* hook);
void run_close_hooks(Ref& hooks);

}  // namespace polybus_python

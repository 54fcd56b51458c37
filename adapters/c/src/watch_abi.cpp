// The C interface: watching the graph.
#include "adapters/c/src/graph_json.hpp"
#include "adapters/c/src/handles.hpp"

using namespace polybus;

extern "C" {

int polybus_watch_open(polybus_node* node, polybus_watch** out, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(node, "node");
    c::require(out, "out");
    *out = new polybus_watch{node->core->open_watch()};
  });
}

int polybus_watch_next(polybus_watch* watch, int64_t timeout_ms, char** json, polybus_error* err) {
  return c::guarded(err, [&]() -> int {
    c::require(watch, "watch");
    c::require(json, "json");
    bool interrupted = false;
    const auto event = watch->core->next(c::timeout_of(timeout_ms), &interrupted);
    if (interrupted) return POLYBUS_INTERRUPTED;
    if (!event) return POLYBUS_EMPTY;
    *json = c::duplicate(c::event_json(*event));
    return POLYBUS_OK;
  });
}

int polybus_watch_fd(polybus_watch* watch, int* fd, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(watch, "watch");
    c::require(fd, "fd");
    *fd = watch->core->fd();
  });
}

void polybus_watch_shutdown(polybus_watch* watch) {
  if (watch != nullptr) watch->core->close();
}

void polybus_watch_close(polybus_watch* watch) {
  if (watch == nullptr) return;
  watch->core->close();
  delete watch;
}

}  // extern "C"

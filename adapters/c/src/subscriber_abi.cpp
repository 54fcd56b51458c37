// The C interface: subscribers. Taking is the hot path of every other language: one allocation for the handle, nothing else.
#include "adapters/c/src/handles.hpp"
#include "adapters/c/src/schema_handle.hpp"
#include "bus/transport/limits.hpp"

using namespace polybus;

namespace polybus::c {

int hand_out(detail::SubscriberCore& subscriber, bus::Sample received, polybus_sample** out) {
  if (!received) return POLYBUS_EMPTY;
  auto origin = subscriber.origin_of(*received);
  *out = new polybus_sample(std::move(received), std::move(origin));
  return POLYBUS_OK;
}

}  // namespace polybus::c

namespace {

SubscriberOptions subscriber_options(const polybus_subscriber_options& from) {
  SubscriberOptions options;
  options.queue = from.queue;
  if (from.history >= 0) options.history = static_cast<uint32_t>(std::min<int64_t>(from.history, bus::kHistoryMax));
  if (from.overflow != POLYBUS_DROP_OLDEST && from.overflow != POLYBUS_BLOCK) {
    throw Error(Code::invalid_argument, "overflow: " + std::to_string(from.overflow) +
                                            " is neither POLYBUS_DROP_OLDEST (0) nor POLYBUS_BLOCK (1)");
  }
  options.overflow = from.overflow == POLYBUS_BLOCK ? Overflow::block : Overflow::drop_oldest;
  return options;
}

}  // namespace

extern "C" {

void polybus_subscriber_options_init(polybus_subscriber_options* options) {
  if (options == nullptr) return;
  *options = {.struct_size = sizeof *options,
              .queue = bus::kQueueDefault,
              .history = -1,
              .overflow = POLYBUS_DROP_OLDEST,
              .wants_fd = 0};
}

int polybus_subscriber_open(polybus_node* node, const char* topic, const polybus_schema* schema,
                            const polybus_subscriber_options* options, polybus_subscriber** out, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(node, "node");
    c::require(topic, "topic");
    c::require(out, "out");
    const auto chosen = c::options_from(options, &polybus_subscriber_options_init);
    const Schema* type = schema != nullptr ? &c::schema_of(schema) : nullptr;
    *out = new polybus_subscriber{
        node->core->open_subscriber(topic, type, subscriber_options(chosen), chosen.wants_fd != 0)};
  });
}

void polybus_subscriber_close(polybus_subscriber* subscriber) {
  if (subscriber == nullptr) return;
  subscriber->core->close();
  delete subscriber;
}

void polybus_subscriber_shutdown(polybus_subscriber* subscriber) {
  if (subscriber != nullptr) subscriber->core->close();
}

const char* polybus_subscriber_topic(const polybus_subscriber* subscriber) {
  return subscriber != nullptr ? subscriber->core->topic().c_str() : "";
}

int polybus_subscriber_take(polybus_subscriber* subscriber, int64_t timeout_ms, polybus_sample** out,
                            polybus_error* err) {
  return c::guarded(err, [&]() -> int {
    c::require(subscriber, "subscriber");
    c::require(out, "out");
    bool interrupted = false;
    bus::Sample received = subscriber->core->take(c::timeout_of(timeout_ms), &interrupted);
    if (interrupted) return POLYBUS_INTERRUPTED;
    return c::hand_out(*subscriber->core, std::move(received), out);
  });
}

int polybus_subscriber_take_many(polybus_subscriber* subscriber, polybus_sample** out, size_t count_max, size_t* count,
                                 polybus_error* err) {
  return c::guarded(err, [&]() -> int {
    c::require(subscriber, "subscriber");
    c::require(out, "out");
    c::require(count, "count");
    *count = 0;
    try {
      while (*count < count_max &&
             c::hand_out(*subscriber->core, subscriber->core->take(Timeout::zero()), &out[*count]) == POLYBUS_OK) {
        ++*count;
      }
    } catch (...) {
      if (*count == 0) throw;  // else the caller has those first, and meets the error with its next call
    }
    return *count == 0 ? POLYBUS_EMPTY : POLYBUS_OK;
  });
}

int polybus_subscriber_wait(polybus_subscriber* subscriber, int64_t timeout_ms, polybus_error* err) {
  return c::guarded(err, [&]() -> int {
    c::require(subscriber, "subscriber");
    switch (subscriber->core->wait(c::timeout_of(timeout_ms), true)) {
      case bus::Waited::ready: return POLYBUS_OK;
      case bus::Waited::interrupted: return POLYBUS_INTERRUPTED;
      default: return POLYBUS_EMPTY;
    }
  });
}

int polybus_subscriber_latest(polybus_subscriber* subscriber, polybus_sample** out, polybus_error* err) {
  return c::guarded(err, [&]() -> int {
    c::require(subscriber, "subscriber");
    c::require(out, "out");
    return c::hand_out(*subscriber->core, subscriber->core->latest(), out);
  });
}

int polybus_subscriber_fd(polybus_subscriber* subscriber, int* fd, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(subscriber, "subscriber");
    c::require(fd, "fd");
    *fd = subscriber->core->fd();
  });
}

int polybus_subscriber_schema(polybus_subscriber* subscriber, polybus_schema** out, polybus_error* err) {
  return c::guarded(err, [&]() -> int {
    c::require(subscriber, "subscriber");
    c::require(out, "out");
    auto schema = subscriber->core->schema();
    if (!schema) return POLYBUS_EMPTY;
    *out = c::make_schema_handle(std::move(*schema));
    return POLYBUS_OK;
  });
}

int polybus_subscriber_get_stats(const polybus_subscriber* subscriber, polybus_subscriber_stats* out,
                                 polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(subscriber, "subscriber");
    c::require(out, "out");
    const SubscriberStats stats = subscriber->core->stats();
    *out = {.taken = stats.taken,
            .lost = stats.lost,
            .queued = stats.queued,
            .held = stats.held,
            .publishers = stats.publishers};
  });
}

}  // extern "C"

// The C interface: publishers and drafts.
#include "adapters/c/src/handles.hpp"
#include "adapters/c/src/message_views.hpp"
#include "adapters/c/src/schema_handle.hpp"
#include "bus/message/kj_errors.hpp"
#include "bus/message/schema_state.hpp"
#include "bus/transport/limits.hpp"

using namespace polybus;

extern "C" {

void polybus_publisher_options_init(polybus_publisher_options* options) {
  if (options == nullptr) return;
  *options = {.struct_size = sizeof *options,
              .history = 0,
              .exclusive = 0,
              .timeout_ms = 0,
              .quota_bytes = bus::kQuotaBytesDefault};
}

int polybus_publisher_open(polybus_node* node, const char* topic, const polybus_schema* schema,
                           const polybus_publisher_options* options, polybus_publisher** out, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(node, "node");
    c::require(topic, "topic");
    c::require(out, "out");
    const auto chosen = c::options_from(options, &polybus_publisher_options_init);
    const Schema* type = schema != nullptr ? &c::schema_of(schema) : nullptr;
    *out = new polybus_publisher{node->core->open_publisher(topic, type,
                                                            {.history = chosen.history,
                                                             .exclusive = chosen.exclusive != 0,
                                                             .timeout = c::timeout_of(chosen.timeout_ms),
                                                             .quota = chosen.quota_bytes})};
  });
}

void polybus_publisher_close(polybus_publisher* publisher) {
  if (publisher == nullptr) return;
  publisher->core->close();
  delete publisher;
}

const char* polybus_publisher_topic(const polybus_publisher* publisher) {
  return publisher != nullptr ? publisher->core->topic().c_str() : "";
}

int polybus_publisher_publish(polybus_publisher* publisher, const void* data, size_t size, uint64_t* sequence,
                              polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(publisher, "publisher");
    if (size != 0) c::require(data, "data");
    detail::PublisherCore& core = *publisher->core;
    const uint64_t sent = core.publish_bytes({static_cast<const std::byte*>(data), size}, core.timeout());
    if (sequence != nullptr) *sequence = sent;
  });
}

int polybus_publisher_wait_for_subscribers(polybus_publisher* publisher, uint32_t count, int64_t timeout_ms,
                                           int* reached, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(publisher, "publisher");
    c::require(reached, "reached");
    *reached = publisher->core->wait_for_subscribers(count, c::timeout_of(timeout_ms)) ? 1 : 0;
  });
}

int polybus_publisher_get_stats(const polybus_publisher* publisher, polybus_publisher_stats* out, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(publisher, "publisher");
    c::require(out, "out");
    const PublisherStats stats = publisher->core->stats();
    *out = {.sequence = stats.sequence,
            .bytes = stats.bytes,
            .subscribers = stats.subscribers,
            .loans = stats.loans,
            .memory_bytes = stats.memory_bytes,
            .quota_bytes = stats.quota_bytes};
  });
}

int polybus_publisher_loan(polybus_publisher* publisher, size_t size, polybus_draft** out, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(publisher, "publisher");
    c::require(out, "out");
    *out = new polybus_draft{{publisher->core, size}};
  });
}

int polybus_publisher_loan_frame(polybus_publisher* publisher, size_t size, polybus_draft** out, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(publisher, "publisher");
    c::require(out, "out");
    *out = new polybus_draft{{publisher->core, size, detail::DraftContent::bytes}};
  });
}

void* polybus_draft_data(polybus_draft* draft, size_t* capacity) {
  const bool has_bytes = draft != nullptr && !draft->core.typed();
  const std::span<std::byte> bytes = has_bytes ? draft->core.bytes() : std::span<std::byte>();
  if (capacity != nullptr) *capacity = bytes.size();
  return bytes.data();
}

int polybus_draft_root(polybus_draft* draft, polybus_struct_builder* root, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(draft, "draft");
    c::require(root, "root");
    detail::DraftCore& core = draft->core;
    if (!core.typed()) {
      throw Error(Code::invalid_argument,
                  "topic " + core.publisher().topic() + " is untyped: its drafts have polybus_draft_data()");
    }
    *root = bus::translate_kj(Code::internal, "draft: ", [&] {
      return c::root_view(core.builder(), bus::fields_of(*core.publisher().schema()).root());
    });
  });
}

int polybus_draft_publish(polybus_draft* draft, size_t size, int64_t timeout_ms, uint64_t* sequence,
                          polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(draft, "draft");
    const Timeout timeout = timeout_ms < 0 ? draft->core.publisher().timeout() : c::timeout_of(timeout_ms);
    const uint64_t sent = draft->core.publish(size, timeout);
    delete draft;
    if (sequence != nullptr) *sequence = sent;
  });
}

void polybus_draft_discard(polybus_draft* draft) { delete draft; }

}  // extern "C"

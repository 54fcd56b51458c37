// The C interface: samples.
#include <new>

#include "adapters/c/src/handles.hpp"
#include "adapters/c/src/schema_handle.hpp"

using namespace polybus;

extern "C" {

void polybus_sample_get_info(const polybus_sample* sample, polybus_sample_info* out) {
  const bus::Received& received = *sample->received;
  const bus::MessageHeader& header = received.header();
  const bus::Extent& extent = received.extent();
  *out = {.data = received.payload(),
          .size = received.payload_bytes(),
          .sequence = header.sequence,
          .publisher_id = header.publisher_id,
          .published_ns = header.published_realtime_ns,
          .published_monotonic_ns = header.published_monotonic_ns,
          .publisher_pid = header.publisher_pid,
          .is_typed = (header.flags & bus::MessageHeader::kTyped) != 0 ? 1 : 0,
          .topic = sample->origin->topic.c_str(),
          .extent_base = extent.window().payload_at(extent.offset()),
          .extent_bytes = extent.bytes(),
          .extent_id = extent.local_id(),
          .schema_prefix = header.schema_prefix};
}

polybus_schema* polybus_sample_schema(const polybus_sample* sample) {
  auto& slot = const_cast<polybus_sample*>(sample)->schema;
  polybus_schema* known = slot.load(std::memory_order_acquire);
  if (known != nullptr || !sample->origin->schema) return known;
  polybus_schema* made = nullptr;
  const int code = c::guarded(nullptr, [&] { made = c::make_schema_handle(*sample->origin->schema); });
  if (code != POLYBUS_OK) return nullptr;
  if (slot.compare_exchange_strong(known, made, std::memory_order_acq_rel)) return made;
  polybus_schema_release(made);  // another thread was faster
  return known;
}

polybus_sample* polybus_sample_retain(polybus_sample* sample) {
  if (sample != nullptr) sample->owners.fetch_add(1, std::memory_order_relaxed);
  return sample;
}

void polybus_sample_release(polybus_sample* sample) {
  if (sample != nullptr && sample->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete sample;
}

polybus_extent* polybus_sample_keep_extent(const polybus_sample* sample) {
  auto mapping = sample->received->extent().weak_from_this().lock();
  return mapping ? new (std::nothrow) polybus_extent{std::move(mapping)} : nullptr;
}

int polybus_extent_is_left(const polybus_extent* extent) { return extent->mapping.use_count() == 1 ? 1 : 0; }

void polybus_extent_release(polybus_extent* extent) { delete extent; }

}  // extern "C"

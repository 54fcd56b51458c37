#include "records.hpp"

#include <ctime>

namespace polybus_js {

Napi::Value Records::buffer(Napi::Env env) {
  if (buffer_.IsEmpty()) {
    auto buffer = Napi::ArrayBuffer::New(env, kCount * sizeof(Record));
    records_ = static_cast<Record*>(buffer.Data());
    buffer_ = Napi::Persistent(buffer);
    buffer_.SuppressDestruct();  // environments end in an order of their own
  }
  return buffer_.Value();
}

void Records::put(size_t index, double slot, const polybus_sample* sample) {
  polybus_sample_info info;
  polybus_sample_get_info(sample, &info);
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto now_ns = static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  const uint64_t latency_ns = now_ns > info.published_monotonic_ns ? now_ns - info.published_monotonic_ns : 0;
  const auto* begin = static_cast<const char*>(info.extent_base);
  records_[index] = {.slot = slot,
                     .extent_id = static_cast<double>(info.extent_id),
                     .offset = static_cast<double>(static_cast<const char*>(info.data) - begin),
                     .size = static_cast<double>(info.size),
                     .latency_ns = static_cast<double>(latency_ns),
                     .sequence = info.sequence,
                     .publisher_id = info.publisher_id,
                     .published_ns = info.published_ns,
                     .schema_prefix = info.schema_prefix,
                     .publisher_pid = info.publisher_pid,
                     .is_typed = static_cast<uint32_t>(info.is_typed)};
}

}  // namespace polybus_js

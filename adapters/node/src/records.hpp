// How samples reach JavaScript: as numbers in an array that it owns, because making objects here costs ten times as much.
#pragma once

#include <napi.h>
#include <polybus/polybus.h>

#include <cstddef>
#include <cstdint>

namespace polybus_js {

// lib/bus/sample.cjs reads these by their offsets.
struct Record {
  double slot;       // in Samples
  double extent_id;  // which mapping
  double offset;     // of the payload, in the mapping
  double size;
  double latency_ns;
  uint64_t sequence;
  uint64_t publisher_id;
  uint64_t published_ns;
  uint64_t schema_prefix;
  uint32_t publisher_pid;
  uint32_t is_typed;
};
static_assert(sizeof(Record) == 80);

class Records {
 public:
  static constexpr size_t kCount = 64;

  // The memory that both sides see; made once.
  Napi::Value buffer(Napi::Env env);
  // Puts a sample there, which lies in `slot`.
  void put(size_t index, double slot, const polybus_sample* sample);

 private:
  Napi::Reference<Napi::ArrayBuffer> buffer_;
  Record* records_ = nullptr;
};

}  // namespace polybus_js

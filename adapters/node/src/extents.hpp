// Received memory as ArrayBuffers: one for each mapping, made once and kept, since one per message would cost ten times as
// much as the message itself. A message is then an offset and a size in it.
//
// A view of such a buffer cannot be taken back when its sample is released. So that it never reads unmapped memory, the
// mapping is kept as long as a buffer of it lives. When nothing but old views is left of a mapping, drop_left() detaches its
// buffers (the views are empty then) and lets it go.
#pragma once

#include <napi.h>
#include <polybus/polybus.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace polybus_js {

class Extents {
 public:
  // Buffers begin at multiples of kStride and are as long as an ArrayBuffer of every supported Node can be, so that each
  // message below 2 GiB lies in one of them.
  static constexpr uint64_t kStride = uint64_t{2} << 30;
  static constexpr uint64_t kBytesMax = uint64_t{4} << 30;

  struct View {
    Napi::ArrayBuffer buffer;
    uint64_t begin;  // of the buffer, in the mapping
  };
  // A buffer with the whole of `sample`. It covers what the mapping has memory for now: a mapping reaches beyond the end of
  // its file, and touching that ends the process.
  View view(Napi::Env env, const polybus_sample* sample);
  // The ids of the mappings that were let go.
  std::vector<uint64_t> drop_left(Napi::Env env);

 private:
  struct Buffers {
    polybus_extent* extent;
    std::vector<napi_ref> weak;  // all buffers ever made; most are gone
  };
  Buffers& buffers_of(const polybus_sample* sample, const polybus_sample_info& info);

  std::map<uint64_t, Buffers> known_;
};

}  // namespace polybus_js

// The C interface: regions.
#include <cstring>

#include "adapters/c/src/handles.hpp"

using namespace polybus;

extern "C" {

int polybus_region_create(polybus_node* node, const char* name, size_t size_max, polybus_region** out,
                          polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(node, "node");
    c::require(name, "name");
    c::require(out, "out");
    *out = new polybus_region{{node->core, name, size_max}};
  });
}

int polybus_region_write(polybus_region* region, const void* data, size_t size, polybus_error* err) {
  return c::guarded(err, [&] {
    c::require(region, "region");
    if (size != 0) c::require(data, "data");
    region->core.write({static_cast<const std::byte*>(data), size});
  });
}

int polybus_region_read(polybus_region* region, void* data, size_t capacity, size_t* size, polybus_error* err) {
  return c::guarded(err, [&]() -> int {
    c::require(region, "region");
    c::require(size, "size");
    const bus::Sample value = region->core.read();
    if (!value) return POLYBUS_EMPTY;
    *size = value->payload_bytes();
    if (*size > capacity) {
      throw Error(Code::too_large, "region " + region->core.name() + ": its value has " + std::to_string(*size) +
                                       " bytes, the buffer " + std::to_string(capacity));
    }
    if (*size != 0) {
      c::require(data, "data");
      std::memcpy(data, value->payload(), *size);
    }
    return POLYBUS_OK;
  });
}

int polybus_region_read_sample(polybus_region* region, polybus_sample** out, polybus_error* err) {
  return c::guarded(err, [&]() -> int {
    c::require(region, "region");
    c::require(out, "out");
    return c::hand_out(region->core.subscriber(), region->core.read(), out);
  });
}

void polybus_region_close(polybus_region* region) {
  if (region == nullptr) return;
  region->core.close();
  delete region;
}

}  // extern "C"

// Regions: one named current value.
#include <algorithm>
#include <vector>

#include "args.hpp"
#include "box.hpp"
#include "exports.hpp"

namespace polybus_js {
namespace {

using RegionBox = Box<polybus_region>;

Napi::Value create(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string name = text_at(info, 1);
  polybus_error error{};
  polybus_region* region = nullptr;
  check(env,
        polybus_region_create(Box<polybus_node>::in(info).get(env), name.c_str(),
                              static_cast<size_t>(number_at(info, 2)), &region, &error),
        error);
  return RegionBox::wrap(env, region, polybus_region_close);
}

Napi::Value close(const Napi::CallbackInfo& info) {
  RegionBox::in(info).close();
  return info.Env().Undefined();
}

Napi::Value write(const Napi::CallbackInfo& info) {
  const Bytes bytes = bytes_at(info, 1);
  polybus_error error{};
  check(info.Env(), polybus_region_write(RegionBox::in(info).get(info.Env()), bytes.data, bytes.size, &error), error);
  return info.Env().Undefined();
}

// A copy of the newest value, or null. Read in one go, so that it is whole whoever writes meanwhile.
Napi::Value read(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  polybus_error error{};
  polybus_sample* newest = nullptr;
  if (!check_found(env, polybus_region_read_sample(RegionBox::in(info).get(env), &newest, &error), error))
    return env.Null();
  const std::shared_ptr<polybus_sample> sample(newest, polybus_sample_release);
  polybus_sample_info value;
  polybus_sample_get_info(newest, &value);
  auto copy = Napi::Uint8Array::New(env, value.size);
  std::copy_n(static_cast<const uint8_t*>(value.data), value.size, copy.Data());
  return copy;
}

}  // namespace

void export_regions(Napi::Env env, Napi::Object exports) {
  add(env, exports, "regionCreate", create);
  add(env, exports, "regionClose", close);
  add(env, exports, "regionWrite", write);
  add(env, exports, "regionRead", read);
}

}  // namespace polybus_js

#include "extents.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "errors.hpp"

namespace polybus_js {
namespace {

// One hold on each mapping for the whole process, counted by environments: were it one for each environment, none would
// ever see that the mapping is left.
class Holds {
 public:
  polybus_extent* take(uint64_t id, const polybus_sample* sample) {
    std::lock_guard lock(mutex_);
    Hold& hold = holds_[id];
    if (hold.extent == nullptr) hold.extent = polybus_sample_keep_extent(sample);
    ++hold.environments;
    return hold.extent;
  }
  void give_back(uint64_t id) {
    std::lock_guard lock(mutex_);
    const auto hold = holds_.find(id);
    if (hold == holds_.end() || --hold->second.environments > 0) return;
    if (hold->second.extent != nullptr) polybus_extent_release(hold->second.extent);
    holds_.erase(hold);
  }

 private:
  struct Hold {
    polybus_extent* extent = nullptr;
    int environments = 0;
  };
  std::mutex mutex_;
  std::map<uint64_t, Hold> holds_;
};

Holds& holds() {
  static auto* const instance = new Holds;  // never destroyed: environments may end after static objects
  return *instance;
}

// Tells whether an address can be read without reading it here: the kernel answers EFAULT where we would be killed.
class Probe {
 public:
  Probe() {
    if (::pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) pipe_[0] = pipe_[1] = -1;
  }
  ~Probe() {
    if (pipe_[0] >= 0) ::close(pipe_[0]);
    if (pipe_[1] >= 0) ::close(pipe_[1]);
  }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  bool is_readable(const char* address) const {
    char taken = 0;
    return ::write(pipe_[1], address, 1) == 1 && ::read(pipe_[0], &taken, 1) == 1;
  }

 private:
  int pipe_[2];
};

// Bytes from `begin` on that have memory behind them: the file has no holes at its end, so halving finds it. At least
// `known`, which a message lies in.
uint64_t readable_bytes(const char* begin, uint64_t known, uint64_t bytes) {
  constexpr uint64_t kPage = 4096;
  const Probe probe;
  uint64_t low = (known + kPage - 1) / kPage;  // pages known to be there
  uint64_t high = std::max(low, bytes / kPage);
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (probe.is_readable(begin + middle * kPage)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::min(low * kPage, bytes);
}

}  // namespace

Extents::Buffers& Extents::buffers_of(const polybus_sample* sample, const polybus_sample_info& info) {
  const auto known = known_.find(info.extent_id);
  if (known != known_.end()) return known->second;
  polybus_extent* const extent = holds().take(info.extent_id, sample);
  return known_.emplace(info.extent_id, Buffers{extent, {}}).first->second;
}

Extents::View Extents::view(Napi::Env env, const polybus_sample* sample) {
  polybus_sample_info info;
  polybus_sample_get_info(sample, &info);
  const auto* base = static_cast<const char*>(info.extent_base);
  const auto offset = static_cast<uint64_t>(static_cast<const char*>(info.data) - base);
  const uint64_t begin = offset / kStride * kStride;
  const uint64_t end = offset + info.size;
  if (end - begin > kBytesMax) raise(env, POLYBUS_TOO_LARGE, "messages beyond 2 GiB cannot be read from JavaScript");
  const uint64_t bytes_max = std::min(info.extent_bytes - begin, kBytesMax);
  const uint64_t bytes = readable_bytes(base + begin, end - begin, bytes_max);

  Buffers& buffers = buffers_of(sample, info);
  auto* data = const_cast<char*>(base + begin);  // JavaScript has no read-only memory; the guard of the core stands in
  napi_value value = nullptr;
  const napi_status status = napi_create_external_arraybuffer(env, data, bytes, nullptr, nullptr, &value);
  if (status == napi_no_external_buffers_allowed)
    raise(env, POLYBUS_INTERNAL, "this runtime (Electron, say) forbids memory that is not its own; Polybus needs it");
  if (status != napi_ok) throw Napi::Error::New(env);
  napi_ref weak = nullptr;
  if (napi_create_reference(env, value, 0, &weak) == napi_ok) buffers.weak.push_back(weak);
  return {Napi::ArrayBuffer(env, value), begin};
}

std::vector<uint64_t> Extents::drop_left(Napi::Env env) {
  std::vector<uint64_t> dropped;
  for (auto entry = known_.begin(); entry != known_.end();) {
    auto& [id, buffers] = *entry;
    if (buffers.extent != nullptr && polybus_extent_is_left(buffers.extent) == 0) {
      ++entry;
      continue;
    }
    for (napi_ref weak : buffers.weak) {
      napi_value buffer = nullptr;
      if (napi_get_reference_value(env, weak, &buffer) == napi_ok && buffer != nullptr)
        napi_detach_arraybuffer(env, buffer);
      napi_delete_reference(env, weak);
    }
    dropped.push_back(id);
    holds().give_back(id);
    entry = known_.erase(entry);
  }
  return dropped;
}

}  // namespace polybus_js

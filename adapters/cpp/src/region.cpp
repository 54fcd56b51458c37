// Regions: one current value.
#include <polybus/region.hpp>

#include <algorithm>

#include "adapters/cpp/src/region_core.hpp"
#include "bus/transport/limits.hpp"

namespace polybus {

namespace detail {
namespace {

// Room for the values readers may hold while new ones are written. Only what is used costs memory.
uint64_t quota_for(uint64_t size_max) {
  const uint64_t many = std::min<uint64_t>(64 * size_max, 1ull << 30);
  return std::max({many, 8 * size_max, 16 * bus::kQuotaBytesMin});
}

}  // namespace

RegionCore::RegionCore(std::shared_ptr<NodeCore> node, const std::string& name, size_t size_max)
    : size_max_(size_max), node_(std::move(node)) {
  if (size_max == 0 || size_max > bus::kMessageBytesMax) {
    throw Error(Code::invalid_argument, "region " + name + ": a size of " + std::to_string(size_max) +
                                            " bytes is not in 1.." + std::to_string(bus::kMessageBytesMax));
  }
  subscriber_ = node_->open_subscriber(name, nullptr, {.queue = 1, .history = 1}, false);
}

std::shared_ptr<PublisherCore> RegionCore::publisher() {
  fork_.check();
  std::lock_guard lock(mutex_);
  if (closed_) throw Error(Code::closed, "region " + name() + " is closed");
  if (!publisher_) {
    publisher_ = node_->open_publisher(name(), nullptr, {.history = 1, .quota = quota_for(size_max_)});
  }
  return publisher_;
}

void RegionCore::write(std::span<const std::byte> value) {
  if (value.size() > size_max_) {
    throw Error(Code::too_large, "region " + name() + ": a value of " + std::to_string(value.size()) +
                                     " bytes, made for at most " + std::to_string(size_max_));
  }
  publisher()->publish_bytes(value, Timeout::zero());
}

void RegionCore::close() noexcept {
  if (fork_.in_child()) return;
  std::lock_guard lock(mutex_);
  closed_ = true;
  if (publisher_) publisher_->close();
  subscriber_->close();
}

}  // namespace detail

Region::Region(std::shared_ptr<detail::RegionCore> core) noexcept : core_(std::move(core)) {}
Region::Region(Region&&) noexcept = default;

Region& Region::operator=(Region&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
  }
  return *this;
}

Region::~Region() { close(); }

const std::string& Region::name() const noexcept { return core_->name(); }
size_t Region::size_max() const noexcept { return core_->size_max(); }
void Region::write(std::span<const std::byte> value) { core_->write(value); }

Result<void> Region::try_write(std::span<const std::byte> value) {
  try {
    write(value);
    return {};
  } catch (const Error& error) {
    return error;
  }
}

Taken<Bytes> Region::read() const { return Taken<Bytes>(core_->subscriber().wrap(core_->read())); }

Result<Taken<Bytes>> Region::try_read() const {
  try {
    return read();
  } catch (const Error& error) {
    return error;
  }
}

void Region::close() noexcept {
  if (core_) core_->close();
}

}  // namespace polybus

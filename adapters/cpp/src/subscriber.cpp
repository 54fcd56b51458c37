// Subscribers: taking and waiting.
#include <polybus/subscriber.hpp>

#include "adapters/cpp/src/deadline.hpp"
#include "adapters/cpp/src/subscriber_core.hpp"

namespace polybus {

namespace detail {

SubscriberCore::SubscriberCore(std::shared_ptr<discovery::SubscriberEnd> end, std::string topic,
                               const SubscriberOptions& options)
    : end_(std::move(end)), port_(&end_->port()), topic_(std::move(topic)), idle_timeout_(options.timeout) {}

SubscriberCore::~SubscriberCore() {
  if (fork_.in_child()) {
    abandon(std::move(end_));
  } else {
    close();
  }
}

std::optional<Schema> SubscriberCore::schema() const {
  fork_.check();
  return end_->schema();
}

bus::Sample SubscriberCore::take(Timeout timeout, bool* interrupted) {
  bus::SubscriberPort& port = this->port();
  bus::Sample sample = port.take();
  if (sample || timeout == Timeout::zero()) return sample;
  const Deadline deadline(timeout);
  do {
    const bus::Waited waited = wait(deadline.left(), interrupted != nullptr);
    if (waited == bus::Waited::interrupted) {
      *interrupted = true;
      return nullptr;
    }
    if (waited == bus::Waited::ready) sample = port.take();  // null: another thread was faster
  } while (!sample && !deadline.passed());
  return sample;
}

bus::Waited SubscriberCore::wait(Timeout timeout, bool stop_at_signals) {
  bus::SubscriberPort& port = this->port();
  const Deadline deadline(timeout);
  for (;;) {
    const bus::Waited waited = port.wait(deadline.left(), stop_at_signals);
    if (waited == bus::Waited::closed) throw Error(Code::closed, "subscriber of " + topic_ + " is closed");
    if (waited != bus::Waited::interrupted || stop_at_signals) return waited;
  }
}

int SubscriberCore::fd() {
  fork_.check();
  return end_->fd();
}

SubscriberStats SubscriberCore::stats() const {
  const bus::SubscriberPort& port = this->port();
  return {.taken = port.taken(),
          .lost = port.lost(),
          .queued = port.queued(),
          .held = port.held(),
          .publishers = port.publishers()};
}

void SubscriberCore::close() noexcept {
  if (!fork_.in_child()) end_->close();
}

std::shared_ptr<const SampleOrigin> SubscriberCore::origin_of(const bus::Received& received) {
  const uint64_t prefix = received.header().schema_prefix;
  const SampleOrigin* current = current_.load(std::memory_order_acquire);
  if (current != nullptr && current->schema_prefix == prefix) [[likely]] {
    return current->shared_from_this();
  }
  return find_origin(prefix);
}

std::shared_ptr<const SampleOrigin> SubscriberCore::find_origin(uint64_t prefix) {
  std::lock_guard lock(origins_mutex_);
  for (const auto& origin : origins_) {
    if (origin->schema_prefix == prefix) {
      current_.store(origin.get(), std::memory_order_release);
      return origin;
    }
  }
  std::optional<Schema> schema;
  if (prefix != 0) schema = end_->schema_by_prefix(prefix);
  auto origin = std::make_shared<const SampleOrigin>(topic_, prefix, std::move(schema));
  if (prefix == 0 || origin->schema) {  // a schema that is not known yet is asked for again with the next sample
    origins_.push_back(origin);
    current_.store(origin.get(), std::memory_order_release);
  }
  return origin;
}

std::shared_ptr<const SampleCore> SubscriberCore::wrap(bus::Sample received) {
  if (!received) return nullptr;
  auto origin = origin_of(*received);
  return std::make_shared<const SampleCore>(std::move(received), std::move(origin));
}

}  // namespace detail

SubscriberBase::SubscriberBase(std::shared_ptr<detail::SubscriberCore> core) noexcept : core_(std::move(core)) {}
SubscriberBase::SubscriberBase(SubscriberBase&&) noexcept = default;

SubscriberBase& SubscriberBase::operator=(SubscriberBase&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
  }
  return *this;
}

SubscriberBase::~SubscriberBase() { close(); }

const std::string& SubscriberBase::topic() const noexcept { return core_->topic(); }
std::optional<Schema> SubscriberBase::schema() const { return core_->schema(); }
bool SubscriberBase::wait(Timeout timeout) const {
  const auto core = core_;
  return core->wait(timeout, false) == bus::Waited::ready;
}
int SubscriberBase::fd() const { return core_->fd(); }
uint64_t SubscriberBase::lost() const { return core_->lost(); }
SubscriberStats SubscriberBase::stats() const { return core_->stats(); }
Timeout SubscriberBase::idle_timeout() const noexcept { return core_->idle_timeout(); }

void SubscriberBase::close() noexcept {
  if (core_) core_->close();
}

SubscriberBase::CorePointer SubscriberBase::take_core(Timeout timeout) const {
  if (bus::Sample sample = core_->take(Timeout::zero()); sample || timeout == Timeout::zero())
    return core_->wrap(std::move(sample));
  const auto core = core_;  // who waits may find the subscriber destroyed by exit() on another thread
  return core->wrap(core->take(timeout));
}

SubscriberBase::CorePointer SubscriberBase::latest_core() const { return core_->wrap(core_->latest()); }

}  // namespace polybus

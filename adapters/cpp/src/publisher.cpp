// Publishers: bytes in one copy, messages without any.
#include <polybus/publisher.hpp>

#include <cstring>

#include "adapters/cpp/src/deadline.hpp"
#include "adapters/cpp/src/draft_core.hpp"
#include "adapters/cpp/src/publisher_core.hpp"
#include "bus/message/frame.hpp"
#include "bus/message/json.hpp"

namespace polybus {

namespace detail {

PublisherCore::PublisherCore(std::shared_ptr<discovery::PublisherEnd> end, std::string topic,
                             const PublisherOptions& options)
    : end_(std::move(end)),
      port_(&end_->port()),
      topic_(std::move(topic)),
      schema_(end_->schema()),
      timeout_(options.timeout),
      quota_bytes_(port_->config().quota_bytes) {}

PublisherCore::~PublisherCore() {
  if (fork_.in_child()) {
    abandon(std::move(end_));
  } else {
    close();
  }
}

uint64_t PublisherCore::publish_bytes(std::span<const std::byte> bytes, Timeout timeout) {
  bus::PublisherPort& port = this->port();
  if (schema_) bus::check_frame(bytes);
  bus::Loan loan = port.loan(bytes.size());
  if (!bytes.empty()) std::memcpy(loan.data(), bytes.data(), bytes.size());
  return port.send(loan, bytes.size(), in_milliseconds(timeout));
}

bool PublisherCore::wait_for_subscribers(uint32_t count, Timeout timeout) {
  return port().wait_for_subscribers(count, in_milliseconds(timeout));
}

PublisherStats PublisherCore::stats() const {
  const bus::PublisherPort& port = this->port();
  return {.sequence = port.sequence(),
          .bytes = port.bytes_sent(),
          .subscribers = port.subscribers(),
          .loans = port.loans(),
          .memory_bytes = port.memory_bytes(),
          .quota_bytes = quota_bytes_};
}

void PublisherCore::close() noexcept {
  if (!fork_.in_child()) end_->close();
}

}  // namespace detail

PublisherBase::PublisherBase(std::shared_ptr<detail::PublisherCore> core) noexcept : core_(std::move(core)) {}
PublisherBase::PublisherBase(PublisherBase&&) noexcept = default;

PublisherBase& PublisherBase::operator=(PublisherBase&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
  }
  return *this;
}

PublisherBase::~PublisherBase() { close(); }

const std::string& PublisherBase::topic() const noexcept { return core_->topic(); }
std::optional<Schema> PublisherBase::schema() const { return core_->schema(); }

uint64_t PublisherBase::publish_bytes(std::span<const std::byte> bytes) {
  return core_->publish_bytes(bytes, core_->timeout());
}

Result<uint64_t> PublisherBase::try_publish_bytes(std::span<const std::byte> bytes) {
  try {
    return publish_bytes(bytes);
  } catch (const Error& error) {
    return error;
  }
}

uint64_t PublisherBase::publish_json(std::string_view json) {
  const auto& schema = core_->schema();
  if (!schema) throw Error(Code::invalid_argument, "topic " + topic() + " is untyped: publish_bytes() sends bytes");
  detail::DraftCore draft(core_, 0);
  bus::from_json(*schema, json, draft.builder());
  return draft.publish(0, core_->timeout());
}

uint64_t PublisherBase::publish_filled(Fill fill, void* context) {
  detail::DraftCore draft(core_, 0);
  fill(draft.builder(), draft.struct_schema(), context);
  return draft.publish(0, core_->timeout());
}

detail::DraftPointer PublisherBase::loan_core(size_t size) {
  return detail::DraftPointer(new detail::DraftCore(core_, size));
}

bool PublisherBase::wait_for_subscribers(uint32_t count, Timeout timeout) const {
  return core_->wait_for_subscribers(count, timeout);
}

PublisherStats PublisherBase::stats() const { return core_->stats(); }

void PublisherBase::close() noexcept {
  if (core_) core_->close();
}

}  // namespace polybus

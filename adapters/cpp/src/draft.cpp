// Drafts: messages are built where they will be read from; one that outgrows its loan is moved once.
#include <polybus/draft.hpp>

#include "adapters/cpp/src/deadline.hpp"
#include "adapters/cpp/src/draft_core.hpp"
#include "bus/message/frame.hpp"

namespace polybus {

namespace detail {

DraftCore::DraftCore(std::shared_ptr<PublisherCore> publisher, uint64_t size, DraftContent content)
    : publisher_(std::move(publisher)) {
  bus::PublisherPort& port = publisher_->port();
  if (!publisher_->schema() || content == DraftContent::bytes) {
    loan_ = port.loan(size);
    return;
  }
  const uint64_t expected = size != 0 ? size : publisher_->expected_bytes();
  loan_ = port.loan(bus::ChunkBuilder::bytes_for(expected));
  builder_.emplace(bytes(), expected);
}

DraftCore::~DraftCore() {
  if (!fork_.in_child()) return;
  abandon(std::move(loan_));
  abandon(std::move(publisher_));
}

uint64_t DraftCore::publish(uint64_t size, Timeout timeout) {
  if (builder_) return publish_message(timeout);
  if (size > loan_.capacity()) {
    throw Error(Code::invalid_argument, "publish: " + std::to_string(size) + " bytes of a draft that has room for " +
                                            std::to_string(loan_.capacity()) + " (topic " + publisher_->topic() + ")");
  }
  if (publisher_->schema()) bus::check_frame(bytes().first(size));
  return publisher_->port().send(loan_, size, in_milliseconds(timeout));
}

uint64_t DraftCore::publish_message(Timeout timeout) {
  bus::PublisherPort& port = publisher_->port();
  std::span<std::byte> frame = builder_->finish();
  bus::Loan larger;
  if (frame.empty()) {
    larger = port.loan(builder_->frame_bytes());
    frame = builder_->finish_into({larger.data(), larger.capacity()});
  }
  const uint64_t bytes = frame.size();
  try {
    const uint64_t sequence = port.send(larger ? larger : loan_, bytes, in_milliseconds(timeout));
    publisher_->expect_bytes(bytes);
    return sequence;
  } catch (...) {
    builder_->resume();  // the draft is still the caller's, to change or to try again
    throw;
  }
}

void DraftDeleter::operator()(DraftCore* core) const noexcept { delete core; }

}  // namespace detail

DraftBase::DraftBase(detail::DraftPointer core) noexcept : core_(std::move(core)) {}
DraftBase::DraftBase(DraftBase&&) noexcept = default;
DraftBase& DraftBase::operator=(DraftBase&&) noexcept = default;
DraftBase::~DraftBase() = default;

void DraftBase::discard() noexcept { core_.reset(); }

capnp::MessageBuilder& DraftBase::builder() const { return core_->builder(); }
capnp::StructSchema DraftBase::struct_schema() const { return core_->struct_schema(); }

std::span<std::byte> DraftBase::bytes() const noexcept { return core_ ? core_->bytes() : std::span<std::byte>(); }

uint64_t DraftBase::publish_first(size_t size, std::optional<Timeout> timeout) {
  if (!core_) throw Error(Code::invalid_argument, "this draft was published, discarded or moved before");
  const uint64_t sequence = core_->publish(size, timeout.value_or(core_->publisher().timeout()));
  core_.reset();
  return sequence;
}

}  // namespace polybus

#include "discovery/client/ends.hpp"

#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <polybus/error.hpp>

#include "bus/memory/fault_point.hpp"
#include "bus/transport/limits.hpp"
#include "discovery/client/log.hpp"

namespace polybus::discovery {
namespace {

uint64_t random_id() {
  uint64_t id = 0;
  while (::getrandom(&id, sizeof id, 0) != sizeof id || id == 0) {
  }
  return id;
}

bus::StatSlot* slot_at(const Run& run, uint32_t index) {
  return index < run.stat->slot_count() ? &run.stat->slot(index) : nullptr;
}

}  // namespace

// ---- publishers ------------------------------------------------------------------------------------------------------

LocalPublisher::LocalPublisher(std::shared_ptr<Session> the_session, std::shared_ptr<Core> the_core, uint64_t node,
                               PublisherSpec spec)
    : node_(node), publisher_id_(random_id()), spec_(std::move(spec)) {
  session = std::move(the_session);
  core = std::move(the_core);
  number = core->next_number();
  if (spec_.quota_bytes == 0) spec_.quota_bytes = bus::kQuotaBytesDefault;
  spec_.quota_bytes = std::max(spec_.quota_bytes, bus::kQuotaBytesMin);
}

LocalPublisher::~LocalPublisher() { LocalPublisher::close(); }

Advertise LocalPublisher::request() const {
  return {.end = number,
          .node = node_,
          .topic = spec_.topic,
          .publisher_id = publisher_id_,
          .schema = spec_.schema ? std::optional(core->schemas().info(*spec_.schema)) : std::nullopt,
          .history = spec_.history,
          .exclusive = spec_.exclusive,
          .quota_bytes = spec_.quota_bytes};
}

void LocalPublisher::place(const std::shared_ptr<Run>& run, const Placed& placed, std::vector<SharedFd>& fds) {
  if (fds.empty()) {
    run->extents->decline(placed.extent);
    throw Error(Code::limit, "topic " + spec_.topic + ": out of file descriptors; raise `ulimit -n`");
  }
  bus::PublisherPlace place;
  place.window = run->window;
  place.block = run->block<bus::PublisherBlock>(placed.block);
  place.extent = run->extents->accept(run->window, placed.extent, fds[0]->get(), bus::Access::read_write);
  bus::fault_point("advertise.mapped");
  place.stat_owner = run->stat;
  place.stat = slot_at(*run, placed.stat_slot);
  std::lock_guard lock(port_mutex);
  if (closed) return;
  place.extent_fd = fds[0]->release();
  if (port_ != nullptr) {
    port_->rebind(std::move(place));
    return;
  }
  port_ = std::make_unique<bus::PublisherPort>(
      bus::PublisherConfig{.topic = spec_.topic,
                           .node = core->node_name(node_),
                           .publisher_id = publisher_id_,
                           .history = spec_.history,
                           .quota_bytes = spec_.quota_bytes,
                           .schema_prefix = spec_.schema ? spec_.schema->fingerprint_prefix() : 0},
      std::move(place));
}

bool LocalPublisher::attach(bus::AttachSpec spec) {
  std::lock_guard lock(port_mutex);
  if (closed || port_ == nullptr) {
    if (spec.wake_fd >= 0) ::close(spec.wake_fd);
    return false;
  }
  port_->attach(std::move(spec));
  return true;
}

void LocalPublisher::close() {
  if (core->in_child()) return;
  {
    std::lock_guard lock(port_mutex);
    if (closed.exchange(true)) return;
    if (port_ != nullptr) port_->close();
  }
  bus::fault_point("close.publisher_port_closed");
  core->forget(*this);
  bus::fault_point("close.publisher_forgotten");
}

// ---- subscribers -----------------------------------------------------------------------------------------------------

LocalSubscriber::LocalSubscriber(std::shared_ptr<Session> the_session, std::shared_ptr<Core> the_core, uint64_t node,
                                 SubscriberSpec spec)
    : node_(node), subscriber_id_(random_id()), spec_(std::move(spec)) {
  session = std::move(the_session);
  core = std::move(the_core);
  number = core->next_number();
  if (spec_.schema) add_schema(std::make_shared<const Schema>(*spec_.schema));
}

LocalSubscriber::~LocalSubscriber() { LocalSubscriber::close(); }

Subscribe LocalSubscriber::request() const {
  return {.end = number,
          .node = node_,
          .topic = spec_.topic,
          .subscriber_id = subscriber_id_,
          .schema = spec_.schema ? std::optional(core->schemas().info(*spec_.schema)) : std::nullopt,
          .queue_depth = spec_.queue_depth,
          .history = std::min(spec_.history.value_or(spec_.queue_depth), spec_.queue_depth),
          .blocking = spec_.blocking};
}

void LocalSubscriber::place(const std::shared_ptr<Run>& run, const Subscribed& subscribed, std::vector<SharedFd>&) {
  bus::SubscriberPlace place;
  place.window = run->window;
  place.block = run->block<bus::SubscriberBlock>(subscribed.block);
  bus::fault_point("subscribe.placed");
  place.stat_owner = run->stat;
  place.stat = slot_at(*run, subscribed.stat_slot);
  add_schema(core->schemas().find(subscribed.topic_schema));
  std::lock_guard lock(port_mutex);
  if (closed) return;
  if (port_ != nullptr) {
    port_->rebind(std::move(place));
  } else {
    port_ = std::make_unique<bus::SubscriberPort>(bus::SubscriberConfig{.topic = spec_.topic,
                                                                        .subscriber_id = subscriber_id_,
                                                                        .queue_depth = spec_.queue_depth,
                                                                        .blocking = spec_.blocking},
                                                  std::move(place),
                                                  [weak = std::weak_ptr<Core>(core)](uint64_t connection) {
                                                    if (const auto owner = weak.lock())
                                                      owner->connection_closed(connection);
                                                  });
  }
  if (!spec_.wants_fd && !fd_is_known_) return;
  // Before any introduction is answered, so that publishers get the descriptor with it.
  const int copy = ::fcntl(port_->wake_fd(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw Error(Code::limit, "topic " + spec_.topic + ": out of file descriptors; raise `ulimit -n`");
  bus::fault_point("wake_fd.about_to_give");
  run->send({0, GiveWakeFd{number}, {share(Fd(copy))}});
  fd_is_known_ = true;
}

void LocalSubscriber::connect(bus::ConnectSpec spec) {
  std::lock_guard lock(port_mutex);
  if (closed || port_ == nullptr) throw Error(Code::closed, "the subscriber of topic " + spec_.topic + " is closed");
  port_->connect(std::move(spec));
}

int LocalSubscriber::fd() {
  core->throw_if_forked();
  if (closed) throw Error(Code::closed, "the subscriber of topic " + spec_.topic + " is closed");
  const int fd = port_->wake_fd();
  {
    std::lock_guard lock(port_mutex);
    if (fd_is_known_) return fd;
  }
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw Error(Code::limit, "topic " + spec_.topic + ": out of file descriptors; raise `ulimit -n`");
  core->ask(GiveWakeFd{number}, {share(Fd(copy))});
  std::lock_guard lock(port_mutex);
  fd_is_known_ = true;
  return fd;
}

void LocalSubscriber::close() {
  if (core->in_child()) return;
  {
    std::lock_guard lock(port_mutex);
    if (closed.exchange(true)) return;
  }
  // Not under the lock: letting go of messages calls back into the core.
  if (port_ != nullptr) port_->close();
  bus::fault_point("close.subscriber_port_closed");
  core->forget(*this);
  bus::fault_point("close.subscriber_forgotten");
}

void LocalSubscriber::add_schema(const std::shared_ptr<const Schema>& schema) {
  if (schema == nullptr) return;
  std::lock_guard lock(schemas_mutex_);
  schemas_[schema->fingerprint_prefix()] = schema;
  newest_schema_ = schema;
}

std::optional<Schema> LocalSubscriber::schema() const {
  if (spec_.schema) return spec_.schema;
  std::lock_guard lock(schemas_mutex_);
  return newest_schema_ == nullptr ? std::nullopt : std::optional(*newest_schema_);
}

std::optional<Schema> LocalSubscriber::schema_by_prefix(uint64_t prefix) const {
  if (spec_.schema) return spec_.schema;
  std::lock_guard lock(schemas_mutex_);
  const auto found = schemas_.find(prefix);
  return found == schemas_.end() ? std::nullopt : std::optional(*found->second);
}

}  // namespace polybus::discovery

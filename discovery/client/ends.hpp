// A process's own ends, over all runs of busd. For discovery/client only.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "discovery/client/core.hpp"
#include "discovery/client/session.hpp"

namespace polybus::discovery {

// What both kinds share: the core's lock covers it, but for `closed`.
struct LocalEnd {
  std::shared_ptr<Session> session;  // stays as long as one of its ends does
  std::shared_ptr<Core> core;
  uint64_t number = 0;  // this process's own
  std::atomic<bool> closed{false};
  std::mutex port_mutex;  // covers the making of the port, and attach against close; never held while waiting
  bool settled = false;
  bool needs_restoring = false;  // busd's successor does not know it yet; the event thread's
};

class LocalPublisher : public PublisherEnd, public LocalEnd {
 public:
  using Place = Placed;
  using Close = ClosePublisher;

  LocalPublisher(std::shared_ptr<Session> session, std::shared_ptr<Core> core, uint64_t node, PublisherSpec spec);
  ~LocalPublisher() override;

  bus::PublisherPort& port() override { return *port_; }
  const std::optional<Schema>& schema() const override { return spec_.schema; }
  void close() override;

  // For the core, on the event thread.
  Advertise request() const;
  void place(const std::shared_ptr<Run>& run, const Placed& placed, std::vector<SharedFd>& fds);
  bool attach(bus::AttachSpec spec);
  bool is_placed() const noexcept { return port_ != nullptr; }
  const std::string& topic() const noexcept { return spec_.topic; }

 private:
  const uint64_t node_;
  const uint64_t publisher_id_;
  PublisherSpec spec_;
  std::unique_ptr<bus::PublisherPort> port_;
};

class LocalSubscriber : public SubscriberEnd, public LocalEnd {
 public:
  using Place = Subscribed;
  using Close = CloseSubscriber;

  LocalSubscriber(std::shared_ptr<Session> session, std::shared_ptr<Core> core, uint64_t node, SubscriberSpec spec);
  ~LocalSubscriber() override;

  bus::SubscriberPort& port() override { return *port_; }
  std::optional<Schema> schema() const override;
  std::optional<Schema> schema_by_prefix(uint64_t prefix) const override;
  int fd() override;
  void close() override;

  // For the core, on the event thread.
  Subscribe request() const;
  void place(const std::shared_ptr<Run>& run, const Subscribed& subscribed, std::vector<SharedFd>& fds);
  // Throws CLOSED.
  void connect(bus::ConnectSpec spec);
  bool is_placed() const noexcept { return port_ != nullptr; }
  void add_schema(const std::shared_ptr<const Schema>& schema);
  const std::string& topic() const noexcept { return spec_.topic; }

 private:
  void send_wake_fd(bool wait);

  const uint64_t node_;
  const uint64_t subscriber_id_;
  SubscriberSpec spec_;
  std::unique_ptr<bus::SubscriberPort> port_;
  bool fd_is_known_ = false;  // to busd; the port's lock covers it
  mutable std::mutex schemas_mutex_;
  std::map<uint64_t, std::shared_ptr<const Schema>> schemas_;  // by prefix
  std::shared_ptr<const Schema> newest_schema_;
};

}  // namespace polybus::discovery

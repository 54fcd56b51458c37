// A node, as the C++ and the C interface share it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <polybus/graph.hpp>
#include <polybus/options.hpp>
#include <polybus/schema.hpp>
#include <string>
#include <vector>

#include "adapters/cpp/src/fork_check.hpp"
#include "adapters/cpp/src/listening.hpp"
#include "adapters/cpp/src/publisher_core.hpp"
#include "adapters/cpp/src/subscriber_core.hpp"
#include "adapters/cpp/src/watch_core.hpp"
#include "discovery/client/session.hpp"

namespace polybus::detail {

class NodeCore {
 public:
  NodeCore(const std::string& name, const NodeOptions& options);
  ~NodeCore();

  // Whether this process has ever joined a bus.
  static bool any_opened() noexcept;

  const std::string& name() const noexcept { return name_; }
  const std::string& bus() const noexcept { return bus_; }
  bool connected() const;

  std::shared_ptr<PublisherCore> open_publisher(const std::string& topic, const Schema* schema,
                                                const PublisherOptions& options);
  std::shared_ptr<SubscriberCore> open_subscriber(const std::string& topic, const Schema* schema,
                                                  const SubscriberOptions& options, bool wants_fd);
  std::shared_ptr<WatchCore> open_watch();
  Graph graph() const;

  using SampleCallback = std::function<void(std::shared_ptr<const SampleCore>)>;
  std::shared_ptr<Listening> listen(const std::shared_ptr<SubscriberCore>& subscriber, SampleCallback callback);
  std::shared_ptr<Listening> listen(const std::shared_ptr<WatchCore>& watch,
                                    std::function<void(const GraphEvent&)> callback);
  void close() noexcept;

 private:
  std::shared_ptr<discovery::Session> session() const;  // throws CLOSED, FORKED
  std::shared_ptr<Dispatcher> dispatcher();
  // What close() is to close too. Throws CLOSED if that has happened meanwhile.
  template <typename Core>
  std::shared_ptr<Core> keep(std::vector<std::weak_ptr<Core>>& list, std::shared_ptr<Core> core);

  ForkCheck fork_;
  const std::string name_;
  mutable std::mutex mutex_;
  std::shared_ptr<discovery::Session> session_;  // null once closed
  std::string bus_;
  uint64_t node_id_ = 0;
  std::shared_ptr<Dispatcher> dispatcher_;  // made with the first callback
  std::vector<std::weak_ptr<PublisherCore>> publishers_;
  std::vector<std::weak_ptr<SubscriberCore>> subscribers_;
  std::vector<std::weak_ptr<WatchCore>> watches_;
};

}  // namespace polybus::detail

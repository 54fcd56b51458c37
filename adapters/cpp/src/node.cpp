// Nodes, and the handles to callbacks.
#include <polybus/node.hpp>
#include <polybus/polybus.hpp>

#include "adapters/cpp/src/node_core.hpp"
#include "adapters/cpp/src/region_core.hpp"

namespace polybus {

std::string_view version() noexcept { return POLYBUS_VERSION; }

Node::Node(const std::string& name, const NodeOptions& options)
    : core_(std::make_shared<detail::NodeCore>(name, options)) {}
Node::Node(Node&&) noexcept = default;

Node& Node::operator=(Node&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
  }
  return *this;
}

Node::~Node() { close(); }

const std::string& Node::name() const noexcept { return core_->name(); }
const std::string& Node::bus() const noexcept { return core_->bus(); }
bool Node::connected() const { return core_->connected(); }
Graph Node::graph() const { return core_->graph(); }
Watch Node::watch() const { return Watch(core_->open_watch()); }
Listener Node::watch(std::function<void(const GraphEvent&)> callback) {
  return Listener(core_->listen(core_->open_watch(), std::move(callback)));
}

Region Node::region(const std::string& name, const RegionOptions& options) {
  return Region(std::make_shared<detail::RegionCore>(core_, name, options.size));
}

void Node::close() noexcept {
  if (core_) core_->close();
}

std::shared_ptr<detail::PublisherCore> Node::open_publisher(const std::string& topic, const Schema* schema,
                                                            const PublisherOptions& options) {
  return core_->open_publisher(topic, schema, options);
}

std::shared_ptr<detail::SubscriberCore> Node::open_subscriber(const std::string& topic, const Schema* schema,
                                                              const SubscriberOptions& options) {
  return core_->open_subscriber(topic, schema, options, false);
}

Subscription Node::listen(const std::string& topic, const Schema* schema, const SubscriberOptions& options,
                          RawCallback callback) {
  auto subscriber = core_->open_subscriber(topic, schema, options, true);
  auto listening = core_->listen(subscriber, std::move(callback));
  return Subscription(std::move(listening), std::move(subscriber));
}

Listener::Listener(std::shared_ptr<detail::Listening> core) noexcept : core_(std::move(core)) {}
void Listener::close() noexcept { core_->close(); }

Subscription::Subscription(std::shared_ptr<detail::Listening> listening,
                           std::shared_ptr<detail::SubscriberCore> subscriber) noexcept
    : Listener(std::move(listening)), subscriber_(std::move(subscriber)) {}
const std::string& Subscription::topic() const noexcept { return subscriber_->topic(); }
uint64_t Subscription::lost() const { return subscriber_->lost(); }
SubscriberStats Subscription::stats() const { return subscriber_->stats(); }

}  // namespace polybus

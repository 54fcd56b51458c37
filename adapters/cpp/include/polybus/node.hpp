// A named participant of a bus, and where everything else comes from.
#pragma once

#include <functional>
#include <memory>
#include <polybus/error.hpp>
#include <polybus/graph.hpp>
#include <polybus/listener.hpp>
#include <polybus/options.hpp>
#include <polybus/publisher.hpp>
#include <polybus/region.hpp>
#include <polybus/schema.hpp>
#include <polybus/subscriber.hpp>
#include <string>
#include <type_traits>
#include <utility>

namespace polybus {

namespace detail {
class NodeCore;
}

// Connects in its constructor; nodes of one process share a connection. Moves; closed when dropped. Usable from any thread.
//
// Topics are named like paths: segments of [A-Za-z0-9_.-]+ joined by single slashes, at most 100 bytes. Everything that
// opens an end of a topic throws Error(invalid_topic) for other names, SCHEMA_MISMATCH where the topic's schema and the given
// one do not fit (naming field, types and the other process), INVALID_ARGUMENT for an option out of its range,
// EXCLUSIVE where the topic has its one publisher, LIMIT, DISCONNECTED, CLOSED and FORKED.
class POLYBUS_API Node {
 public:
  // Joins the bus and starts busd where that is allowed and needed.
  //   name     for people to read, 1..64 bytes; need not be unique
  //   throws   Error(invalid_argument): name, bus or socket path; NO_BUS: says what was tried; TIMEOUT,
  //            VERSION_MISMATCH, PERMISSION, LIMIT, IO
  explicit Node(const std::string& name, const NodeOptions& options = {});
  Node(Node&&) noexcept;
  Node& operator=(Node&&) noexcept;
  ~Node();

  const std::string& name() const noexcept;
  const std::string& bus() const noexcept;
  // Whether the registry is there. While it is away, data keeps flowing where it can.
  bool connected() const;

  // A publisher of a typed topic. Returns when the subscribers of the topic are attached (at most 1 s).
  template <typename T>
  Publisher<T> publisher(const std::string& topic, const PublisherOptions& options = {}) {
    return Publisher<T>(open_publisher(topic, &Schema::of<T>(), options));
  }
  // The same with a schema known at run time only: publish([](polybus::Dynamic::Builder m) { m.set("level", 3); }).
  Publisher<Dynamic> publisher(const std::string& topic, const Schema& schema, const PublisherOptions& options = {}) {
    return Publisher<Dynamic>(open_publisher(topic, &schema, options));
  }
  // Of an untyped topic: publish_bytes.
  Publisher<Bytes> publisher(const std::string& topic, const PublisherOptions& options = {}) {
    return Publisher<Bytes>(open_publisher(topic, nullptr, options));
  }

  // A subscriber to a typed topic. Returns when the live publishers of the topic are attached (at most 1 s).
  template <typename T>
  Subscriber<T> subscriber(const std::string& topic, const SubscriberOptions& options = {}) {
    return Subscriber<T>(open_subscriber(topic, &Schema::of<T>(), options));
  }
  // To whatever the topic has; the schema comes from the registry. May come before the topic has one.
  Subscriber<Dynamic> subscriber(const std::string& topic, const SubscriberOptions& options = {}) {
    return Subscriber<Dynamic>(open_subscriber(topic, nullptr, options));
  }
  // With a schema known at run time, which the topic's is checked against.
  Subscriber<Dynamic> subscriber(const std::string& topic, const Schema& schema,
                                 const SubscriberOptions& options = {}) {
    return Subscriber<Dynamic>(open_subscriber(topic, &schema, options));
  }

  // Calls back on the node's own thread, one message at a time, until the node or the subscription is closed. The thread is
  // shared by all callbacks of the node: long work belongs elsewhere (copy the sample and hand it on).
  template <typename T>
  using Callback = std::function<void(const Sample<T>&)>;
  template <typename T>
  Subscription subscriber(const std::string& topic, std::type_identity_t<Callback<T>> callback) {
    return subscriber<T>(topic, SubscriberOptions{}, std::move(callback));
  }
  template <typename T>
  Subscription subscriber(const std::string& topic, const SubscriberOptions& options,
                          std::type_identity_t<Callback<T>> callback) {
    return listen(topic, &Schema::of<T>(), options, adapt<T>(std::move(callback)));
  }
  Subscription subscriber(const std::string& topic, Callback<Dynamic> callback) {
    return subscriber(topic, SubscriberOptions{}, std::move(callback));
  }
  Subscription subscriber(const std::string& topic, const SubscriberOptions& options, Callback<Dynamic> callback) {
    return listen(topic, nullptr, options, adapt<Dynamic>(std::move(callback)));
  }

  // Makes or joins a region. Names are topic names.
  Region region(const std::string& name, const RegionOptions& options = {});

  // One picture of the whole bus. Throws Error(disconnected), TIMEOUT, CLOSED, FORKED.
  Graph graph() const;
  // Events from now on, to be taken...
  Watch watch() const;
  // ...or called back on the node's own thread.
  Listener watch(std::function<void(const GraphEvent&)> callback);

  // Closes all ends and callbacks of the node; idempotent. Samples that are held stay valid. Called from a callback of this
  // node it returns before that callback has ended.
  void close() noexcept;

 private:
  using RawCallback = std::function<void(std::shared_ptr<const detail::SampleCore>)>;

  template <typename T>
  static RawCallback adapt(Callback<T> callback) {
    return [callback = std::move(callback)](std::shared_ptr<const detail::SampleCore> core) {
      callback(Sample<T>(std::move(core)));
    };
  }
  std::shared_ptr<detail::PublisherCore> open_publisher(const std::string& topic, const Schema* schema,
                                                        const PublisherOptions& options);
  std::shared_ptr<detail::SubscriberCore> open_subscriber(const std::string& topic, const Schema* schema,
                                                          const SubscriberOptions& options);
  Subscription listen(const std::string& topic, const Schema* schema, const SubscriberOptions& options,
                      RawCallback callback);

  std::shared_ptr<detail::NodeCore> core_;
};

}  // namespace polybus

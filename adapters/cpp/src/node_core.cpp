#include "adapters/cpp/src/node_core.hpp"

#include <algorithm>
#include <atomic>
#include <string_view>

#include "adapters/cpp/src/deadline.hpp"
#include "adapters/cpp/src/graph_builder.hpp"
#include "bus/transport/limits.hpp"

namespace polybus::detail {
namespace {

constexpr int kBatch = 64;  // messages per turn, so that one busy topic does not starve the node's other callbacks

// Options are checked here, once for C and C++, before anything is asked of the registry.
void check_range(const char* option, uint64_t value, uint64_t min, uint64_t max) {
  if (value >= min && value <= max) return;
  throw Error(Code::invalid_argument, std::string(option) + ": " + std::to_string(value) + " is not in " +
                                          std::to_string(min) + ".." + std::to_string(max));
}

discovery::ConnectOptions connect_options(const NodeOptions& options) {
  return {.bus = options.bus,
          .socket_path = options.socket_path,
          .timeout = in_milliseconds(options.timeout),
          .autostart = options.autostart};
}

std::atomic<bool> any_node_opened{false};

}  // namespace

bool NodeCore::any_opened() noexcept { return any_node_opened.load(); }

NodeCore::NodeCore(const std::string& name, const NodeOptions& options) : name_(name) {
  discovery::check_node_name(name);
  any_node_opened = true;
  session_ = discovery::Session::join(connect_options(options));
  bus_ = session_->bus();
  node_id_ = session_->add_node(name, options.language);
}

NodeCore::~NodeCore() {
  if (fork_.in_child()) {
    abandon(std::move(session_));
    abandon(std::move(dispatcher_));
  } else {
    close();
  }
}

std::shared_ptr<discovery::Session> NodeCore::session() const {
  fork_.check();
  std::lock_guard lock(mutex_);
  if (!session_) throw Error(Code::closed, "node " + name_ + " is closed");
  return session_;
}

bool NodeCore::connected() const { return session()->connected(); }

template <typename Core>
std::shared_ptr<Core> NodeCore::keep(std::vector<std::weak_ptr<Core>>& list, std::shared_ptr<Core> core) {
  std::lock_guard lock(mutex_);
  if (!session_) throw Error(Code::closed, "node " + name_ + " is closed");
  if (list.size() == list.capacity()) std::erase_if(list, [](const auto& entry) { return entry.expired(); });
  list.push_back(core);
  return core;
}

std::shared_ptr<PublisherCore> NodeCore::open_publisher(const std::string& topic, const Schema* schema,
                                                        const PublisherOptions& options) {
  const auto session = this->session();
  discovery::check_topic(topic);
  check_range("history", options.history, 0, bus::kHistoryMax);
  check_range("quota", options.quota, bus::kQuotaBytesMin, bus::kWindowBytesDefault);
  discovery::PublisherSpec spec{.topic = topic,
                                .schema = schema != nullptr ? std::optional(*schema) : std::nullopt,
                                .history = options.history,
                                .exclusive = options.exclusive,
                                .quota_bytes = options.quota};
  return keep(publishers_, std::make_shared<PublisherCore>(session->advertise(node_id_, spec), topic, options));
}

std::shared_ptr<SubscriberCore> NodeCore::open_subscriber(const std::string& topic, const Schema* schema,
                                                          const SubscriberOptions& options, bool wants_fd) {
  const auto session = this->session();
  discovery::check_topic(topic);
  check_range("queue", options.queue, 1, bus::kQueueMax);
  discovery::SubscriberSpec spec{.topic = topic,
                                 .schema = schema != nullptr ? std::optional(*schema) : std::nullopt,
                                 .queue_depth = options.queue,
                                 .history = options.history,
                                 .blocking = options.overflow == Overflow::block,
                                 .wants_fd = wants_fd};
  return keep(subscribers_, std::make_shared<SubscriberCore>(session->subscribe(node_id_, spec), topic, options));
}

std::shared_ptr<WatchCore> NodeCore::open_watch() {
  return keep(watches_, std::make_shared<WatchCore>(session()->watch()));
}

Graph NodeCore::graph() const {
  const auto session = this->session();
  return build_graph(session->graph(), session->stat_file().get());
}

std::shared_ptr<Dispatcher> NodeCore::dispatcher() {
  std::lock_guard lock(mutex_);
  if (!session_) throw Error(Code::closed, "node " + name_ + " is closed");
  if (!dispatcher_) dispatcher_ = std::make_shared<Dispatcher>(name_);
  return dispatcher_;
}

std::shared_ptr<Listening> NodeCore::listen(const std::shared_ptr<SubscriberCore>& subscriber,
                                            SampleCallback callback) {
  auto dispatcher = this->dispatcher();
  const uint64_t id =
      dispatcher->add(subscriber->fd(), subscriber->topic(), [subscriber, callback = std::move(callback)] {
        for (int i = 0; i < kBatch; ++i) {
          auto sample = subscriber->wrap(subscriber->take(Timeout::zero()));
          if (!sample) return;
          callback(std::move(sample));
        }
      });
  return std::make_shared<Listening>(std::move(dispatcher), id, [subscriber] { subscriber->close(); });
}

std::shared_ptr<Listening> NodeCore::listen(const std::shared_ptr<WatchCore>& watch,
                                            std::function<void(const GraphEvent&)> callback) {
  auto dispatcher = this->dispatcher();
  const uint64_t id = dispatcher->add(watch->fd(), "watch", [watch, callback = std::move(callback)] {
    for (int i = 0; i < kBatch; ++i) {
      const auto event = watch->next(Timeout::zero());
      if (!event) return;
      callback(*event);
    }
  });
  return std::make_shared<Listening>(std::move(dispatcher), id, [watch] { watch->close(); });
}

void NodeCore::close() noexcept {
  if (fork_.in_child()) return;
  std::shared_ptr<discovery::Session> session;
  std::shared_ptr<Dispatcher> dispatcher;
  {
    std::lock_guard lock(mutex_);
    session = std::move(session_);
    dispatcher = std::move(dispatcher_);
  }
  if (!session) return;
  // From here nobody opens anything more. Callbacks end first: they use the ends.
  if (dispatcher) dispatcher->stop();
  for (const auto& entry : publishers_) {
    if (const auto core = entry.lock()) core->close();
  }
  for (const auto& entry : subscribers_) {
    if (const auto core = entry.lock()) core->close();
  }
  for (const auto& entry : watches_) {
    if (const auto core = entry.lock()) core->close();
  }
  session->remove_node(node_id_);
}

}  // namespace polybus::detail

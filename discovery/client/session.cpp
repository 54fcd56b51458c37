#include "discovery/client/session.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <polybus/error.hpp>
#include <set>

#include "discovery/client/core.hpp"
#include "discovery/client/ends.hpp"
#include "discovery/client/watch.hpp"

namespace polybus::discovery {
namespace {

constexpr size_t kBusesMax = 32;  // per process

class LocalSession : public Session, public std::enable_shared_from_this<LocalSession> {
 public:
  explicit LocalSession(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~LocalSession() override {
    if (!core_->in_child()) core_->let_go();
  }

  const std::string& bus() const override { return core_->bus(); }
  bool connected() const override { return !core_->in_child() && core_->connected(); }

  uint64_t add_node(const std::string& name, const std::string& language) override {
    return core_->add_node(name, language);
  }
  void remove_node(uint64_t node) noexcept override { core_->remove_node(node); }

  std::shared_ptr<PublisherEnd> advertise(uint64_t node, const PublisherSpec& spec) override {
    core_->throw_if_forked();
    check_topic(spec.topic);
    check_bound(spec.topic, "history", 0, spec.history, bus::kHistoryMax);
    auto end = std::make_shared<LocalPublisher>(shared_from_this(), core_, node, spec);
    core_->introduce(end);
    return end;
  }

  std::shared_ptr<SubscriberEnd> subscribe(uint64_t node, const SubscriberSpec& spec) override {
    core_->throw_if_forked();
    check_topic(spec.topic);
    check_bound(spec.topic, "queue", 1, spec.queue_depth, bus::kQueueMax);
    auto end = std::make_shared<LocalSubscriber>(shared_from_this(), core_, node, spec);
    core_->introduce(end);
    return end;
  }

  Graph graph() override {
    Reply reply = core_->ask(AskGraph{});
    if (auto* graph = std::get_if<Graph>(&reply.body)) return std::move(*graph);
    throw Error(Code::internal, "busd answered with something else");
  }

  std::optional<Schema> topic_schema(const std::string& topic) override {
    check_topic(topic);
    return schema_of(core_->ask(AskTopicSchema{topic}));
  }

  std::optional<Schema> schema_by_fingerprint(const std::string& fingerprint) override {
    return schema_of(core_->ask(AskSchema{fingerprint}));
  }

  std::shared_ptr<Watch> watch() override {
    core_->throw_if_forked();
    auto watch = std::make_shared<LocalWatch>(shared_from_this(), core_);
    core_->add_watch(watch);
    return watch;
  }

  std::shared_ptr<const bus::StatFile> stat_file() const override { return core_->run()->stat; }

  const std::shared_ptr<Core>& core() const noexcept { return core_; }

 private:
  std::optional<Schema> schema_of(const Reply& reply) {
    const auto* answer = std::get_if<TopicSchema>(&reply.body);
    const auto schema = core_->schemas().find(answer == nullptr ? std::nullopt : answer->schema);
    return schema == nullptr ? std::nullopt : std::optional(*schema);
  }

  static void check_bound(const std::string& topic, const char* what, uint32_t min, uint32_t value, uint32_t max) {
    if (value >= min && value <= max) return;
    throw Error(Code::invalid_argument, "topic " + topic + ": " + what + " " + std::to_string(value) +
                                            ": allowed are " + std::to_string(min) + " to " + std::to_string(max));
  }

  std::shared_ptr<Core> core_;
};

// The sessions of this process. A core may outlive its session, while messages from it are held.
struct Sessions {
  struct Entry {
    std::string key;  // where it was looked for
    std::weak_ptr<LocalSession> session;
    std::weak_ptr<Core> core;
  };
  std::mutex mutex;
  std::vector<Entry> entries;
  std::set<std::string> joining;  // places that a thread is joining at, one at a time
  std::condition_variable joined;
  Sessions* inherited = nullptr;  // a forked process's parents': never used, kept so that no leak is reported
};

// Never deleted: there is no right moment while other threads may use the bus. A forked child forgets the parent's, which may be
// locked by a thread that is not there, and makes its own.
std::atomic<Sessions*> sessions_of_process{nullptr};
Sessions* sessions_of_parents = nullptr;
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] {
  Sessions* theirs = sessions_of_process.exchange(nullptr);
  if (theirs == nullptr) return;
  theirs->inherited = sessions_of_parents;
  sessions_of_parents = theirs;
});

Sessions& sessions() {
  Sessions* there = sessions_of_process.load();
  if (there != nullptr) return *there;
  auto made = std::make_unique<Sessions>();
  if (sessions_of_process.compare_exchange_strong(there, made.get())) return *made.release();
  return *there;
}

// One thread at a time joins at a place. (A timed mutex would do, if ThreadSanitizer knew how it is locked.)
class Turn {
 public:
  Turn(Sessions& all, std::string place, const JoinPlan& plan) : all_(all), place_(std::move(place)) {
    std::unique_lock lock(all_.mutex);
    if (!all_.joined.wait_until(lock, plan.deadline, [&] { return !all_.joining.contains(place_); }))
      throw Error(Code::timeout, "bus " + plan.bus + ": another thread of this process is still joining it");
    all_.joining.insert(place_);
  }
  ~Turn() {
    std::lock_guard lock(all_.mutex);
    all_.joining.erase(place_);
    all_.joined.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Sessions& all_;
  const std::string place_;
};

std::shared_ptr<LocalSession> make_session(Sessions::Entry& entry, std::shared_ptr<Core> core) {
  auto session = std::make_shared<LocalSession>(core);
  entry.session = session;
  entry.core = core;
  return session;
}

// One that is there, or one that is only kept by messages, taken up again.
std::shared_ptr<LocalSession> find(Sessions& all, const std::function<bool(const Sessions::Entry&, Core&)>& fits) {
  std::lock_guard lock(all.mutex);
  std::erase_if(all.entries, [](const auto& entry) { return entry.core.expired(); });
  for (auto& entry : all.entries) {
    const auto core = entry.core.lock();
    if (core == nullptr || !fits(entry, *core)) continue;
    if (auto session = entry.session.lock()) return session;
    if (core->take_up()) return make_session(entry, core);
  }
  return nullptr;
}

std::shared_ptr<LocalSession> add(Sessions& all, const std::string& key, const std::shared_ptr<Core>& core) {
  std::lock_guard lock(all.mutex);
  if (all.entries.size() >= kBusesMax)
    throw Error(Code::limit,
                "this process is on " + std::to_string(kBusesMax) + " buses, which is the bound; leave some");
  all.entries.push_back({key, {}, {}});
  return make_session(all.entries.back(), core);
}

JoinPlan plan_for(const ConnectOptions& options) {
  JoinPlan plan;
  const char* named = std::getenv("POLYBUS_BUS");
  plan.bus = options.bus;
  if (plan.bus.empty() && named != nullptr) plan.bus = named;
  plan.bus_is_given = !plan.bus.empty();
  if (plan.bus.empty()) plan.bus = "default";
  check_bus_name(plan.bus);
  plan.socket = choose_socket(plan.bus, options.socket_path);
  const char* autostart = std::getenv("POLYBUS_AUTOSTART");
  plan.autostart_is_given = options.autostart.has_value();
  plan.autostart = options.autostart.value_or(autostart == nullptr || std::string_view(autostart) != "0");
  plan.deadline = Core::Clock::now() + options.timeout;
  return plan;
}

}  // namespace

std::shared_ptr<Session> Session::join(const ConnectOptions& options) {
  const JoinPlan plan = plan_for(options);
  std::string key = plan.bus_is_given ? plan.bus : "";
  for (const std::string& path : plan.socket.paths) key += '\n' + path;
  Sessions& all = sessions();
  const Turn turn(all, key, plan);
  if (auto session = find(all, [&](const auto& entry, Core&) { return entry.key == key; })) {
    session->core()->await_connected(plan.deadline);
    return session;
  }
  auto run = join_bus(plan);
  const uint64_t instance = run->joined.instance;
  // Found by another way, it may be a bus we are on.
  if (auto session = find(all, [&](const auto&, Core& core) { return core.instance() == instance; })) {
    run->send({0, Leave{}, {}});
    run->end();
    return session;
  }
  auto core = std::make_shared<Core>(plan, std::move(run), options.timeout);
  auto session = add(all, key, core);
  core->start();
  return session;
}

}  // namespace polybus::discovery

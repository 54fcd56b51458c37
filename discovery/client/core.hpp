// What a process keeps of its membership of one bus, over all runs of busd, and the thread that listens to busd. For
// discovery/client only.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "bus/memory/fork_guard.hpp"
#include "discovery/client/join.hpp"
#include "discovery/client/run.hpp"
#include "discovery/client/schema_cache.hpp"
#include "discovery/client/session.hpp"

namespace polybus::discovery {

class LocalPublisher;
class LocalSubscriber;
class LocalWatch;

class Core : public std::enable_shared_from_this<Core> {
 public:
  using Clock = std::chrono::steady_clock;
  using OnReply = std::function<void(const std::shared_ptr<Run>& run, Reply& reply, std::vector<SharedFd>& fds)>;

  Core(JoinPlan plan, std::shared_ptr<Run> run, std::chrono::milliseconds timeout);
  void start();
  // Nobody uses the session any more. Leaves the bus when no message from it is held; waits for the thread's end a little.
  void let_go();
  // Somebody uses it again. False: too late, it is leaving.
  bool take_up();

  const std::string& bus() const noexcept { return bus_; }
  uint64_t instance() const;
  bool connected() const;
  std::shared_ptr<Run> run() const;
  bool in_child() const noexcept { return fork_.in_child(); }
  void throw_if_forked() const;
  std::chrono::milliseconds timeout() const noexcept { return timeout_; }
  SchemaCache& schemas() noexcept { return schemas_; }
  // Waits for a connected run. Throws DISCONNECTED, FORKED.
  void await_connected(Clock::time_point deadline);

  // Asks busd and waits. While busd is away the request waits for it. Throws what busd says, TIMEOUT, DISCONNECTED.
  Reply ask(decltype(Request::body) body, std::vector<SharedFd> fds = {});
  // News for busd; of no interest to it if it is away.
  void tell(decltype(Request::body) body, std::vector<SharedFd> fds = {});

  uint64_t add_node(const std::string& name, const std::string& language);
  void remove_node(uint64_t node) noexcept;
  std::string node_name(uint64_t node) const;

  // Makes busd know the end, now and after every restart of busd, and waits until it is placed and, for a moment, until it
  // is connected to those who are there. Throws what busd says, TIMEOUT, DISCONNECTED.
  void introduce(const std::shared_ptr<LocalPublisher>& end);
  void introduce(const std::shared_ptr<LocalSubscriber>& end);
  void forget(const LocalPublisher& end) noexcept;
  void forget(const LocalSubscriber& end) noexcept;
  uint64_t next_number();

  // A connection of the current run is in use here, or is not any more (from any thread).
  void connection_opened(uint64_t connection);
  void connection_closed(uint64_t connection) noexcept;

  void add_watch(const std::shared_ptr<LocalWatch>& watch);
  void remove_watch(const LocalWatch* watch) noexcept;

 private:
  struct Call {
    decltype(Request::body) body;
    std::vector<SharedFd> fds;
    OnReply on_reply;           // on the event thread; may be empty
    bool is_restore = false;    // made by us after a restart of busd
    bool is_abandoned = false;  // nobody waits for it
    bool done = false;
    std::optional<Error> error;
    Reply reply;
  };
  struct Node {
    std::string name, language;
  };

  // events.cpp: the thread
  void run_events();
  void listen(const std::shared_ptr<Run>& run);
  bool read_notices(const std::shared_ptr<Run>& run);
  void handle(const std::shared_ptr<Run>& run, Notice notice);
  void handle_reply(const std::shared_ptr<Run>& run, Reply reply, std::vector<SharedFd> fds);
  void handle_event(const std::shared_ptr<Run>& run, Event event, std::vector<SharedFd> fds);
  void connect(const std::shared_ptr<Run>& run, Connect event, std::vector<SharedFd> fds);
  void attach(const std::shared_ptr<Run>& run, Attach event, std::vector<SharedFd> fds);
  void publish_event(const GraphEvent& event);
  void wake_thread() noexcept { wake(wake_); }
  static void wake(const SharedFd& eventfd) noexcept;
  void drain_wake() noexcept;
  std::shared_ptr<LocalPublisher> find_publisher(uint64_t number) const;
  std::shared_ptr<LocalSubscriber> find_subscriber(uint64_t number) const;

  // reconnect.cpp
  std::shared_ptr<Run> rejoin();
  void pause_before_retry(std::chrono::milliseconds pause);
  void adopt(std::shared_ptr<Run> run);
  template <typename End>
  void restore(const std::shared_ptr<End>& end);
  void restore_publishers();
  void restored();
  void lose(const std::shared_ptr<Run>& run);

  uint64_t start_call(std::shared_ptr<Call> call);
  void await(const std::shared_ptr<Call>& call, uint64_t id, Clock::time_point deadline);
  template <typename End>
  void introduce_end(std::map<uint64_t, std::weak_ptr<End>>& ends, const std::shared_ptr<End>& end);
  bool should_stop() const noexcept { return stopping_.load(); }

  JoinPlan plan_;  // of rejoining
  const std::string bus_;
  const std::chrono::milliseconds timeout_;
  const bus::ForkGuard fork_;
  SchemaCache schemas_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Run> run_;  // the latest
  bool connected_ = true;
  bool in_use_ = true;
  bool thread_ended_ = false;
  std::atomic<bool> stopping_{false};
  SharedFd wake_;  // eventfd: the thread must look; what is left of a run may outlive us and still say so
  std::atomic<std::thread::id> thread_{};
  uint64_t next_number_ = 1;
  uint64_t next_call_ = 2;  // 1 is the join
  std::map<uint64_t, std::shared_ptr<Call>> calls_;
  std::map<uint64_t, Node> nodes_;
  std::map<uint64_t, std::weak_ptr<LocalPublisher>> publishers_;
  std::map<uint64_t, std::weak_ptr<LocalSubscriber>> subscribers_;
  std::set<uint64_t> connections_;
  std::vector<std::weak_ptr<LocalWatch>> watches_;
  bool was_lost_ = false;
  uint32_t restoring_ = 0;  // ends whose answer after a restart is still to come
  bool publishers_to_come_ = false;
  std::optional<Clock::time_point> restore_at_;  // when to advertise publishers again
};

}  // namespace polybus::discovery

// When busd goes away: data flows on, and everything is made anew with its successor.
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <polybus/error.hpp>

#include "bus/memory/fault_point.hpp"
#include "discovery/client/core.hpp"
#include "discovery/client/ends.hpp"
#include "discovery/client/log.hpp"

namespace polybus::discovery {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 5ms;
constexpr auto kLongestPause = 1000ms;
constexpr auto kAttempt = 3000ms;
// Publishers come back a moment after subscribers: until then they serve their old connections, so the gap is short.
constexpr auto kPublishersLater = 50ms;
constexpr auto kRestoreAgain = 1000ms;

GraphEvent plain_event(const char* name) { return {name, "", "", "", 0}; }

}  // namespace

void Core::lose(const std::shared_ptr<Run>& run) {
  run->end();
  {
    std::lock_guard lock(mutex_);
    connected_ = false;
    was_lost_ = true;
    restoring_ = 0;
    restore_at_.reset();
    std::erase_if(calls_, [](const auto& entry) { return entry.second->is_restore || entry.second->is_abandoned; });
  }
  changed_.notify_all();
  log(LogLevel::info, "bus " + bus_ + ": the registry went away");
  publish_event(plain_event("registry_lost"));
}

// Null: the session ends.
std::shared_ptr<Run> Core::rejoin() {
  auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(kFirstPause);
  std::string last_trouble;
  while (!should_stop()) {
    try {
      JoinPlan plan = plan_;
      plan.deadline = Clock::now() + kAttempt;
      plan.is_cancelled = [this] { return should_stop(); };
      return join_bus(plan);
    } catch (const std::exception& e) {
      if (e.what() != last_trouble) log(LogLevel::info, "bus " + bus_ + ": not back yet: " + e.what());
      last_trouble = e.what();
    }
    pause_before_retry(pause);
    pause = std::min(pause * 2, std::chrono::duration_cast<std::chrono::milliseconds>(kLongestPause));
  }
  return nullptr;
}

// Shorter if something appears where the socket would be, or somebody asks for busd.
void Core::pause_before_retry(std::chrono::milliseconds pause) {
  const Fd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  for (const std::string& path : plan_.socket.paths)
    if (changes) ::inotify_add_watch(changes.get(), path.substr(0, path.rfind('/')).c_str(), IN_CREATE | IN_MOVED_TO);
  pollfd waits[2] = {{wake_->get(), POLLIN, 0}, {changes.get(), POLLIN, 0}};
  if (::poll(waits, changes ? 2 : 1, static_cast<int>(pause.count())) <= 0) return;
  drain_wake();
  // At most so often, whatever goes on in the folder.
  ::poll(nullptr, 0, static_cast<int>(kFirstPause.count()));
}

// mutex_ covers the change from one run to the next, so that nothing a user does meanwhile is sent twice or not at all.
void Core::adopt(std::shared_ptr<Run> run) {
  run->on_leftover = [eventfd = wake_] { wake(eventfd); };
  std::vector<std::shared_ptr<LocalSubscriber>> subscribers;  // let go without the lock
  std::vector<std::shared_ptr<LocalPublisher>> publishers;
  std::map<uint64_t, std::shared_ptr<Call>> waiting;
  {
    std::lock_guard lock(mutex_);
    bus::fault_point("rejoin.adopting");
    run_ = run;
    connections_.clear();  // of a window that nobody lays out any more
    restoring_ = 1;        // the publishers' turn is to come
    publishers_to_come_ = true;
    for (const auto& [number, node] : nodes_) run->send({0, AddNode{number, node.name, node.language}, {}});
    if (!watches_.empty()) run->send({0, SetWatch{true}, {}});
    waiting = calls_;
    connected_ = true;
    for (const auto& [number, weak] : subscribers_)
      if (auto end = weak.lock()) subscribers.push_back(std::move(end));
    for (const auto& [number, weak] : publishers_)
      if (auto end = weak.lock()) publishers.push_back(std::move(end));
  }
  for (const auto& end : subscribers)
    if (end->is_placed()) restore(end);
  // Requests that were under way may be about the ends just sent. Those made meanwhile went out by themselves.
  for (const auto& [id, call] : waiting) {
    std::lock_guard lock(mutex_);
    if (!call->is_abandoned) run->send({id, call->body, call->fds});
  }
  for (const auto& end : publishers)
    if (end->is_placed()) end->needs_restoring = true;
  bus::fault_point("rejoin.adopted");
  restore_at_ = Clock::now() + (publishers.empty() ? 0ms : kPublishersLater);
  changed_.notify_all();
  log(LogLevel::info, "bus " + bus_ + ": the registry is back");
}

template <typename End>
void Core::restore(const std::shared_ptr<End>& end) {
  end->needs_restoring = false;
  const auto call = std::make_shared<Call>();
  call->is_restore = true;
  call->body = end->request();
  call->on_reply = [this, end](const std::shared_ptr<Run>& run, Reply& reply, std::vector<SharedFd>& fds) {
    try {
      if (const auto* failure = std::get_if<Failure>(&reply.body)) throw Error(failure->code, failure->message);
      try {
        end->place(run, std::get<typename End::Place>(reply.body), fds);
      } catch (...) {
        run->send({0, typename End::Close{end->number}, {}});
        throw;
      }
    } catch (const std::exception& e) {
      log(LogLevel::warn, "bus " + bus_ + ": topic " + end->topic() + " cannot come back yet: " + e.what());
      end->needs_restoring = true;
      restore_at_ = Clock::now() + kRestoreAgain;
    }
    restored();
  };
  std::lock_guard lock(mutex_);
  ++restoring_;
  start_call(call);
}

// Also of subscribers that were refused.
void Core::restore_publishers() {
  restore_at_.reset();
  bus::fault_point("rejoin.publishers_turn");
  std::vector<std::shared_ptr<LocalSubscriber>> subscribers;
  std::vector<std::shared_ptr<LocalPublisher>> publishers;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [number, weak] : subscribers_)
      if (auto end = weak.lock(); end != nullptr && end->needs_restoring) subscribers.push_back(std::move(end));
    for (const auto& [number, weak] : publishers_)
      if (auto end = weak.lock(); end != nullptr && end->needs_restoring) publishers.push_back(std::move(end));
  }
  for (const auto& end : subscribers) restore(end);
  for (const auto& end : publishers) restore(end);
  if (std::exchange(publishers_to_come_, false)) restored();
}

// The program is told when everything it has was asked for again and answered.
void Core::restored() {
  {
    std::lock_guard lock(mutex_);
    if (restoring_ == 0 || --restoring_ != 0 || !std::exchange(was_lost_, false)) return;
  }
  publish_event(plain_event("registry_back"));
}

}  // namespace polybus::discovery

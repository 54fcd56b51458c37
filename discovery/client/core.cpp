#include "discovery/client/core.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <polybus/error.hpp>

#include "discovery/client/ends.hpp"
#include "discovery/client/watch.hpp"

namespace polybus::discovery {
namespace {

// How long an end's maker waits for those who are there to be connected. A stopped process must not cost more.
constexpr auto kSettlePatience = std::chrono::milliseconds(800);
constexpr auto kEndPatience = std::chrono::milliseconds(300);
constexpr size_t kNodesMax = 4096;
// Who comes so much too late out of a wait was stopped, as by a debugger. What it waited for may be in the socket; so long the
// event thread has to read it.
constexpr auto kOverslept = std::chrono::milliseconds(20);
constexpr auto kLateAnswerPatience = std::chrono::milliseconds(200);

}  // namespace

Core::Core(JoinPlan plan, std::shared_ptr<Run> run, std::chrono::milliseconds timeout)
    : plan_(std::move(plan)),
      bus_(run->joined.bus),
      timeout_(timeout),
      run_(std::move(run)),
      wake_(share(Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)))) {
  if (!*wake_) throw Error(Code::limit, "joining bus " + bus_ + ": out of file descriptors; raise `ulimit -n`");
  plan_.bus = bus_;
  plan_.bus_is_given = true;
}

void Core::throw_if_forked() const {
  if (in_child())
    throw Error(Code::forked,
                "this process was forked from the one that joined bus " + bus_ + "; open a node here instead");
}

uint64_t Core::instance() const { return run()->joined.instance; }

bool Core::connected() const {
  std::lock_guard lock(mutex_);
  return connected_;
}

std::shared_ptr<Run> Core::run() const {
  std::lock_guard lock(mutex_);
  return run_;
}

void Core::let_go() {
  std::unique_lock lock(mutex_);
  in_use_ = false;
  // Messages that are held still need to be given back; the last of them ends it, see connection_closed().
  if (!connections_.empty()) return;
  stopping_ = true;
  wake_thread();
  if (std::this_thread::get_id() == thread_.load()) return;
  changed_.wait_for(lock, kEndPatience, [&] { return thread_ended_; });
}

bool Core::take_up() {
  std::lock_guard lock(mutex_);
  if (stopping_) return false;
  in_use_ = true;
  return true;
}

// ---- asking ----------------------------------------------------------------------------------------------------------

void Core::tell(decltype(Request::body) body, std::vector<SharedFd> fds) {
  std::shared_ptr<Run> run;
  {
    std::lock_guard lock(mutex_);
    if (connected_) run = run_;
  }
  if (run != nullptr) run->send({0, std::move(body), std::move(fds)});
}

// mutex_ is held: a restart of busd either sees the call and sends it again, or has happened before.
uint64_t Core::start_call(std::shared_ptr<Call> call) {
  const uint64_t id = next_call_++;
  if (connected_) run_->send({id, call->body, call->fds});
  calls_.emplace(id, std::move(call));
  return id;
}

void Core::await(const std::shared_ptr<Call>& call, uint64_t id, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (!connected_) wake_thread();  // try again at once
  const auto is_over = [&] { return call->done || stopping_; };
  bool in_time = changed_.wait_until(lock, deadline, is_over);
  if (!in_time && Clock::now() - deadline > kOverslept) in_time = changed_.wait_for(lock, kLateAnswerPatience, is_over);
  if (!in_time) {
    // If busd has it, what it does about it must still be undone; if not, its successor need not hear of it.
    call->is_abandoned = true;
    if (!call->on_reply || !connected_) calls_.erase(id);
    if (!connected_) throw Error(Code::disconnected, "the registry of bus " + bus_ + " went away and is not back yet");
    throw Error(Code::timeout, "busd of bus " + bus_ + " (pid " + std::to_string(run_->joined.busd_pid) +
                                   ") does not answer; is it stopped?");
  }
  if (call->error) throw std::move(*call->error);  // nothing of it stays with the thread that may still hold the call
  if (!call->done) throw Error(Code::closed, "the session with bus " + bus_ + " is over");
}

Reply Core::ask(decltype(Request::body) body, std::vector<SharedFd> fds) {
  throw_if_forked();
  const auto call = std::make_shared<Call>();
  call->body = std::move(body);
  call->fds = std::move(fds);
  uint64_t id = 0;
  {
    std::lock_guard lock(mutex_);
    id = start_call(call);
  }
  await(call, id, Clock::now() + timeout_);
  return std::move(call->reply);
}

void Core::await_connected(Clock::time_point deadline) {
  throw_if_forked();
  std::unique_lock lock(mutex_);
  if (connected_) return;
  wake_thread();
  if (!changed_.wait_until(lock, deadline, [&] { return connected_; }))
    throw Error(Code::disconnected, "the registry of bus " + bus_ + " went away and is not back yet");
}

// ---- nodes -----------------------------------------------------------------------------------------------------------

uint64_t Core::add_node(const std::string& name, const std::string& language) {
  throw_if_forked();
  check_node_name(name);
  std::lock_guard lock(mutex_);
  if (nodes_.size() >= kNodesMax)
    throw Error(Code::limit, "this process has " + std::to_string(kNodesMax) + " nodes on bus " + bus_ +
                                 ", which is the bound; close some");
  const uint64_t node = next_number_++;
  nodes_.emplace(node, Node{name, language});
  if (connected_) run_->send({0, AddNode{node, name, language}, {}});
  return node;
}

void Core::remove_node(uint64_t node) noexcept {
  if (in_child()) return;
  try {
    std::lock_guard lock(mutex_);
    if (nodes_.erase(node) != 0 && connected_) run_->send({0, RemoveNode{node}, {}});
  } catch (...) {  // out of memory: busd learns with the session's end
  }
}

std::string Core::node_name(uint64_t node) const {
  std::lock_guard lock(mutex_);
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? "" : found->second.name;
}

uint64_t Core::next_number() {
  std::lock_guard lock(mutex_);
  return next_number_++;
}

// ---- ends ------------------------------------------------------------------------------------------------------------

template <typename End>
void Core::introduce_end(std::map<uint64_t, std::weak_ptr<End>>& ends, const std::shared_ptr<End>& end) {
  throw_if_forked();
  const auto call = std::make_shared<Call>();
  call->body = end->request();
  call->on_reply = [end](const std::shared_ptr<Run>& run, Reply& reply, std::vector<SharedFd>& fds) {
    const auto* placed = std::get_if<typename End::Place>(&reply.body);
    if (placed == nullptr) throw Error(Code::internal, "busd answered with something else");
    end->settled = placed->settled;
    end->place(run, *placed, fds);
  };
  const auto deadline = Clock::now() + timeout_;
  try {
    uint64_t id = 0;
    {
      std::lock_guard lock(mutex_);
      ends[end->number] = end;
      id = start_call(call);
    }
    await(call, id, deadline);
  } catch (...) {
    end->close();
    throw;
  }
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, std::min(deadline, Clock::now() + kSettlePatience),
                      [&] { return end->settled || !connected_ || stopping_; });
}

void Core::introduce(const std::shared_ptr<LocalPublisher>& end) { introduce_end(publishers_, end); }
void Core::introduce(const std::shared_ptr<LocalSubscriber>& end) { introduce_end(subscribers_, end); }

void Core::forget(const LocalPublisher& end) noexcept {
  try {
    {
      std::lock_guard lock(mutex_);
      publishers_.erase(end.number);
    }
    tell(ClosePublisher{end.number});
  } catch (...) {
  }
}

void Core::forget(const LocalSubscriber& end) noexcept {
  try {
    {
      std::lock_guard lock(mutex_);
      subscribers_.erase(end.number);
    }
    tell(CloseSubscriber{end.number});
  } catch (...) {
  }
}

void Core::connection_opened(uint64_t connection) {
  std::lock_guard lock(mutex_);
  connections_.insert(connection);
}

void Core::connection_closed(uint64_t connection) noexcept {
  if (in_child()) return;
  try {
    std::shared_ptr<Run> run;
    {
      std::lock_guard lock(mutex_);
      if (connections_.erase(connection) == 0) return;  // of an earlier run
      if (connected_) run = run_;
      if (!in_use_ && connections_.empty()) {
        stopping_ = true;
        wake_thread();
      }
    }
    if (run != nullptr) run->send({0, ConnectionClosed{connection}, {}});
  } catch (...) {  // out of memory: the block stays taken until this process ends
  }
}

// ---- watches ---------------------------------------------------------------------------------------------------------

void Core::add_watch(const std::shared_ptr<LocalWatch>& watch) {
  {
    std::lock_guard lock(mutex_);
    watches_.push_back(watch);
  }
  ask(SetWatch{true});
}

void Core::remove_watch(const LocalWatch* watch) noexcept {
  try {
    bool last = false;
    {
      std::lock_guard lock(mutex_);
      std::erase_if(watches_, [&](const auto& weak) { return weak.expired() || weak.lock().get() == watch; });
      last = watches_.empty();
    }
    if (last) tell(SetWatch{false});
  } catch (...) {
  }
}

}  // namespace polybus::discovery

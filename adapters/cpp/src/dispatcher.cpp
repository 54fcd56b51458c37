#include "adapters/cpp/src/dispatcher.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <system_error>
#include <vector>

#include "adapters/cpp/src/log.hpp"

namespace polybus::detail {
namespace {

constexpr uint64_t kWakeId = 0;
constexpr int kPauseMs = 20;

[[noreturn]] void refuse(const char* what) {
  const int error = errno;
  const Code code = error == EMFILE || error == ENFILE ? Code::limit : Code::io;
  throw Error(code, std::string("callbacks: ") + what + ": " + std::strerror(error));
}

}  // namespace

struct Dispatcher::State {
  struct Entry {
    int fd;
    std::string name;
    Handler handler;
  };

  explicit State(std::string node_name) : node(std::move(node_name)) {
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) refuse("epoll");
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0 || !watch(EPOLL_CTL_ADD, wake_fd, kWakeId, EPOLLIN)) {
      if (wake_fd >= 0) ::close(wake_fd);
      ::close(epoll_fd);
      refuse("eventfd");
    }
  }
  ~State() {
    ::close(wake_fd);
    ::close(epoll_fd);
  }

  bool watch(int operation, int fd, uint64_t id, uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    return epoll_ctl(epoll_fd, operation, fd, &event) == 0;
  }
  void run();
  void call(uint64_t id);
  void pause(uint64_t id, int fd);
  void end_pauses();

  const std::string node;
  int epoll_fd = -1, wake_fd = -1;
  std::mutex mutex;
  std::condition_variable idle;  // a handler has returned
  std::map<uint64_t, std::shared_ptr<Entry>> entries;
  std::vector<uint64_t> paused;
  uint64_t next_id = 1;
  uint64_t running = 0;
  bool stopping = false;
  std::thread::id thread;
};

void Dispatcher::State::run() {
  std::array<epoll_event, 16> events;
  for (;;) {
    int timeout_ms;
    {
      std::lock_guard lock(mutex);
      if (stopping) return;
      timeout_ms = paused.empty() ? -1 : kPauseMs;
    }
    const int count = epoll_wait(epoll_fd, events.data(), static_cast<int>(events.size()), timeout_ms);
    if (count == 0) end_pauses();
    for (int i = 0; i < count; ++i) {
      if (events[static_cast<size_t>(i)].data.u64 != kWakeId) call(events[static_cast<size_t>(i)].data.u64);
    }
  }
}

void Dispatcher::State::call(uint64_t id) {
  std::shared_ptr<Entry> entry;
  {
    std::lock_guard lock(mutex);
    const auto found = entries.find(id);
    if (found == entries.end() || stopping) return;
    entry = found->second;
    running = id;
  }
  bool failed = false;
  try {
    entry->handler();
  } catch (const Error& error) {
    failed = true;
    // CLOSED: somebody closed the end under us and will remove the callback; nothing to tell.
    if (error.code() != Code::closed)
      log_error("callback of " + entry->name + " in node " + node + ": " + error.what());
  } catch (const std::exception& error) {
    failed = true;
    log_error("callback of " + entry->name + " in node " + node + ": " + error.what());
  } catch (...) {
    failed = true;
    log_error("callback of " + entry->name + " in node " + node + ": an exception of unknown type");
  }
  std::lock_guard lock(mutex);
  running = 0;
  if (failed && entries.count(id) != 0) pause(id, entry->fd);
  idle.notify_all();
}

void Dispatcher::State::pause(uint64_t id, int fd) {
  if (watch(EPOLL_CTL_MOD, fd, id, 0)) paused.push_back(id);
}

void Dispatcher::State::end_pauses() {
  std::lock_guard lock(mutex);
  for (const uint64_t id : paused) {
    const auto found = entries.find(id);
    if (found != entries.end()) watch(EPOLL_CTL_MOD, found->second->fd, id, EPOLLIN);
  }
  paused.clear();
}

Dispatcher::Dispatcher(const std::string& node) : state_(std::make_shared<State>(node)) {
  // Signals are the program's: its handlers must not run here.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::lock_guard lock(state_->mutex);
    thread_ = std::make_unique<std::thread>([state = state_] { state->run(); });
    state_->thread = thread_->get_id();
  } catch (const std::system_error& error) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw Error(Code::limit, std::string("callbacks: no thread: ") + error.what());
  }
  pthread_setname_np(thread_->native_handle(), "polybus-node");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Dispatcher::~Dispatcher() {
  if (fork_.in_child()) {
    abandon(std::move(state_));
    abandon(std::move(thread_));
  } else {
    stop();
  }
}

uint64_t Dispatcher::add(int fd, std::string name, Handler handler) {
  fork_.check();
  std::lock_guard lock(state_->mutex);
  if (state_->stopping) throw Error(Code::closed, "node " + state_->node + " is closed");
  const uint64_t id = state_->next_id++;
  state_->entries[id] = std::make_shared<State::Entry>(State::Entry{fd, std::move(name), std::move(handler)});
  if (!state_->watch(EPOLL_CTL_ADD, fd, id, EPOLLIN)) {
    state_->entries.erase(id);
    refuse("epoll_ctl");
  }
  return id;
}

void Dispatcher::remove(uint64_t id) noexcept {
  if (fork_.in_child()) return;
  std::shared_ptr<State::Entry> entry;  // destroyed without the lock: it owns the user's function
  std::unique_lock lock(state_->mutex);
  const auto found = state_->entries.find(id);
  if (found != state_->entries.end()) {
    entry = std::move(found->second);
    state_->entries.erase(found);
    state_->watch(EPOLL_CTL_DEL, entry->fd, id, 0);
  }
  if (std::this_thread::get_id() != state_->thread) {
    state_->idle.wait(lock, [&] { return state_->running != id; });
  }
  lock.unlock();
}

void Dispatcher::stop() noexcept {
  if (fork_.in_child()) return;
  std::unique_ptr<std::thread> thread;
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    thread = std::move(thread_);
  }
  if (!thread) return;
  const uint64_t one = 1;
  (void)!::write(state_->wake_fd, &one, sizeof one);
  if (thread->get_id() == std::this_thread::get_id()) {
    thread->detach();  // it ends when the callback this was called from returns
  } else {
    thread->join();
  }
  std::map<uint64_t, std::shared_ptr<State::Entry>> entries;
  std::lock_guard lock(state_->mutex);
  entries.swap(state_->entries);
}

}  // namespace polybus::detail

// The thread of a session: hears busd, and applies what it says to the ports. No user code runs on it.
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <polybus/error.hpp>
#include <system_error>
#include <thread>

#include "bus/memory/fault_point.hpp"
#include "discovery/client/core.hpp"
#include "discovery/client/ends.hpp"
#include "discovery/client/log.hpp"
#include "discovery/client/watch.hpp"
#include "discovery/protocol/codec.hpp"

namespace polybus::discovery {

void Core::start() {
  run_->on_leftover = [eventfd = wake_] { wake(eventfd); };
  // Signals are for the host's own threads.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    // Detached, and the owner of its core: a process may end, or a library be let go of, at any moment.
    std::thread([self = shared_from_this()] { self->run_events(); }).detach();
  } catch (const std::system_error&) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw Error(Code::limit, "joining bus " + bus_ + ": no thread to be had; raise `ulimit -u`");
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Core::run_events() {
  thread_ = std::this_thread::get_id();
  ::pthread_setname_np(::pthread_self(), "polybus");
  std::shared_ptr<Run> current = run();
  while (!should_stop()) {
    listen(current);
    if (should_stop()) break;
    lose(current);
    current = rejoin();
    if (current == nullptr) break;
    adopt(current);
  }
  if (current == nullptr) current = run();
  bus::fault_point("leave.begun");
  current->send({0, Leave{}, {}});
  bus::fault_point("leave.said");
  current->flush();
  current->end();
  {
    std::lock_guard lock(mutex_);
    thread_ended_ = true;
    connected_ = false;
  }
  changed_.notify_all();
}

// Until busd is gone or the session ends.
void Core::listen(const std::shared_ptr<Run>& run) {
  while (!should_stop()) {
    const bool leftover = run->flush();
    pollfd waits[2] = {{run->fd(), static_cast<short>(POLLIN | (leftover ? POLLOUT : 0)), 0},
                       {wake_->get(), POLLIN, 0}};
    int timeout_ms = -1;
    if (restore_at_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*restore_at_ - Clock::now()).count();
      timeout_ms = left <= 0 ? 0 : static_cast<int>(left);
    }
    if (::poll(waits, 2, timeout_ms) < 0 && errno != EINTR) return;
    if ((waits[1].revents & POLLIN) != 0) drain_wake();
    if (restore_at_ && Clock::now() >= *restore_at_) restore_publishers();
    if ((waits[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !read_notices(run)) return;
  }
}

bool Core::read_notices(const std::shared_ptr<Run>& run) {
  try {
    const bool alive = run->receiving().receive();
    FrameReader& frames = run->receiving().frames();
    while (const auto bytes = frames.next()) handle(run, decode_notice(*bytes, frames));
    return alive;
  } catch (const ProtocolError& e) {
    log(LogLevel::warn, "bus " + bus_ + ": busd is not understood: " + e.what());
    return false;
  }
}

void Core::handle(const std::shared_ptr<Run>& run, Notice notice) {
  try {
    if (auto* reply = std::get_if<Reply>(&notice.body))
      handle_reply(run, std::move(*reply), std::move(notice.fds));
    else
      handle_event(run, std::move(std::get<Event>(notice.body)), std::move(notice.fds));
  } catch (const std::exception& e) {
    log(LogLevel::warn, "bus " + bus_ + ": " + e.what());
  }
}

void Core::handle_reply(const std::shared_ptr<Run>& run, Reply reply, std::vector<SharedFd> fds) {
  // Also where nobody waits any more: busd takes it for known from now on.
  if (const auto* subscribed = std::get_if<Subscribed>(&reply.body)) schemas_.find(subscribed->topic_schema);
  if (const auto* topic = std::get_if<TopicSchema>(&reply.body)) schemas_.find(topic->schema);
  std::shared_ptr<Call> call;
  {
    std::lock_guard lock(mutex_);
    const auto found = calls_.find(reply.id);
    if (found == calls_.end()) return;  // nobody waits any more
    call = std::move(found->second);
    calls_.erase(found);
  }
  std::optional<Error> error;
  const auto* failure = std::get_if<Failure>(&reply.body);
  if (failure != nullptr && !call->is_restore) {
    error = Error(failure->code, failure->message);
  } else if (call->on_reply) {
    try {
      call->on_reply(run, reply, fds);
    } catch (const Error& e) {
      error = e;
    }
  }
  {
    std::lock_guard lock(mutex_);
    call->error = std::move(error);
    error.reset();  // they share the text, and its count is in a library that ThreadSanitizer does not see
    call->reply = std::move(reply);
    call->done = true;
  }
  changed_.notify_all();
}

void Core::handle_event(const std::shared_ptr<Run>& run, Event event, std::vector<SharedFd> fds) {
  if (auto* body = std::get_if<Connect>(&event)) return connect(run, std::move(*body), std::move(fds));
  if (auto* body = std::get_if<Attach>(&event)) return attach(run, std::move(*body), std::move(fds));
  if (const auto* body = std::get_if<Detach>(&event)) {
    if (const auto end = find_publisher(body->end); end != nullptr && end->is_placed())
      end->port().detach(body->connection);
    bus::fault_point("detach.done");
    run->send({0, Detached{body->connection}, {}});
    bus::fault_point("detach.answered");
  } else if (const auto* body = std::get_if<PublisherGone>(&event)) {
    if (const auto end = find_subscriber(body->end); end != nullptr && end->is_placed())
      end->port().publisher_gone(body->connection);
  } else if (const auto* body = std::get_if<TakeWakeFd>(&event)) {
    const auto end = find_publisher(body->end);
    if (end != nullptr && end->is_placed() && !fds.empty())
      end->port().set_wake_fd(body->connection, fds[0]->release());
  } else if (const auto* body = std::get_if<Settled>(&event)) {
    const auto publisher = find_publisher(body->end);
    const auto subscriber = find_subscriber(body->end);
    {
      std::lock_guard lock(mutex_);
      if (publisher != nullptr) publisher->settled = true;
      if (subscriber != nullptr) subscriber->settled = true;
    }
    changed_.notify_all();
  } else if (const auto* body = std::get_if<GraphEvent>(&event)) {
    publish_event(*body);
  }
}

// The extent first, then the queue; only then is the publisher told.
void Core::connect(const std::shared_ptr<Run>& run, Connect event, std::vector<SharedFd> fds) {
  const auto end = find_subscriber(event.end);
  auto schema = schemas_.find(event.schema);  // also for an end that is closed: busd takes it for known from now on
  try {
    if (fds.empty()) {
      run->extents->decline(event.extent);
      throw Error(Code::limit, "out of file descriptors; raise `ulimit -n`");
    }
    if (end == nullptr || !end->is_placed()) {
      run->extents->decline(event.extent);
      throw Error(Code::closed, "the subscriber is closed");
    }
    bus::ConnectSpec spec;
    bus::fault_point("connect.told");
    spec.connection_id = event.connection;
    spec.extent = run->extents->accept(run->window, event.extent, fds[0]->get(), bus::Access::read_only);
    spec.connection = run->block<bus::ConnectionBlock>(event.block);
    bus::fault_point("connect.mapped");
    spec.ready_index = event.ready_index;
    end->add_schema(schema);
    spec.peer = {event.publisher_id, event.pid, event.node, std::move(schema)};
    connection_opened(event.connection);
    bus::fault_point("connect.noted");
    end->connect(std::move(spec));
    bus::fault_point("connect.done");
    run->send({0, Connected{event.connection, std::nullopt}, {}});
  } catch (const Error& e) {
    {
      std::lock_guard lock(mutex_);
      connections_.erase(event.connection);
    }
    if (e.code() != Code::closed)
      log(LogLevel::warn, "bus " + bus_ + ": no connection to node " + event.node + " (pid " +
                              std::to_string(event.pid) + "): " + e.what());
    run->send({0, Connected{event.connection, Failure{e.code(), e.what()}}, {}});
  }
}

void Core::attach(const std::shared_ptr<Run>& run, Attach event, std::vector<SharedFd> fds) {
  bool attached = false;
  try {
    if (const auto end = find_publisher(event.end)) {
      bus::AttachSpec spec;
      spec.connection_id = event.connection;
      spec.connection = run->block<bus::ConnectionBlock>(event.block);
      spec.subscriber = run->block<bus::SubscriberBlock>(event.subscriber_block);
      spec.history = event.history;
      spec.kept_until = event.kept_until;
      spec.wake_fd = fds.empty() ? -1 : fds[0]->release();
      spec.peer_pid = event.pid;
      spec.peer_node = event.node;
      attached = end->attach(std::move(spec));
    }
  } catch (const Error& e) {
    log(LogLevel::warn, "bus " + bus_ + ": " + e.what());
  }
  bus::fault_point("attach.about_to_answer");
  run->send({0, Attached{event.connection, attached}, {}});
  bus::fault_point("attach.answered");
}

void Core::publish_event(const GraphEvent& event) {
  std::vector<std::shared_ptr<LocalWatch>> watches;  // let go without the lock
  std::lock_guard lock(mutex_);
  for (const auto& weak : watches_)
    if (auto watch = weak.lock()) watches.push_back(std::move(watch));
  for (const auto& watch : watches) watch->add(event);
}

std::shared_ptr<LocalPublisher> Core::find_publisher(uint64_t number) const {
  std::lock_guard lock(mutex_);
  const auto found = publishers_.find(number);
  return found == publishers_.end() ? nullptr : found->second.lock();
}

std::shared_ptr<LocalSubscriber> Core::find_subscriber(uint64_t number) const {
  std::lock_guard lock(mutex_);
  const auto found = subscribers_.find(number);
  return found == subscribers_.end() ? nullptr : found->second.lock();
}

void Core::wake(const SharedFd& eventfd) noexcept {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(eventfd->get(), &one, sizeof one);
}

void Core::drain_wake() noexcept {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_->get(), &count, sizeof count);
}

}  // namespace polybus::discovery

#include "discovery/registry/server.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <polybus/error.hpp>

#include "discovery/protocol/codec.hpp"
#include "discovery/protocol/unix_socket.hpp"
#include "discovery/registry/kept_values.hpp"
#include "discovery/registry/log.hpp"

namespace polybus::registry {

using namespace discovery;

namespace {

// What an epoll event is about: the kind in the top byte, a client's number below.
enum Kind : uint64_t { kListener = 1, kSignals = 2, kSocket = 3, kProcess = 4 };
constexpr uint64_t tag(Kind kind, uint64_t id = 0) { return (uint64_t{kind} << 56) | id; }
constexpr Kind kind_of(uint64_t tag) { return static_cast<Kind>(tag >> 56); }
constexpr uint64_t id_of(uint64_t tag) { return tag & ((1ULL << 56) - 1); }

constexpr size_t kUnjoinedMax = 256;
constexpr auto kUnjoinedPatience = std::chrono::seconds(1);
constexpr int kAcceptsPerTurn = 64;
constexpr size_t kBytesPerTurn = 256u << 10;  // of one process, before others have theirs
constexpr int kStalledRetryMs = 20;
constexpr uint64_t kCutOffsLogged = 100;
constexpr std::chrono::seconds kTidyPauseMin{1}, kTidyPauseMax{60};
constexpr size_t kCrowd = 64;  // clients; fewer leave nothing worth trimming

}  // namespace

Server::Server(Registry& registry, Fd listener, std::optional<std::chrono::seconds> idle_exit)
    : registry_(registry),
      listener_(std::move(listener)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      spare_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      idle_exit_(idle_exit) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  signals_.reset(::signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
  watch(listener_.get(), EPOLLIN, tag(kListener));
  watch(signals_.get(), EPOLLIN, tag(kSignals));
}

void Server::watch(int fd, uint32_t events, uint64_t what) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = what;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0 &&
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0)
    log_warn("epoll refuses a descriptor");
}

void Server::run() {
  std::array<epoll_event, 128> events;
  while (!ended_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms());
    if (ended_) break;
    for (int i = 0; i < count; ++i) handle(events[i].data.u64, events[i].events);
    tidy();
    flush_dirty();
    trim_memory();
    registry_.bus().stat.touch();
  }
}

// No timer unless somebody must be waited for: an idle bus costs nothing.
int Server::timeout_ms() {
  if (stalled_) return kStalledRetryMs;
  if (!idle_exit_ || !clients_.empty()) {
    idle_since_.reset();
    if (!tidy_at_) return -1;
    return static_cast<int>(
        std::max<int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(*tidy_at_ - Clock::now()).count()));
  }
  const auto now = Clock::now();
  if (!idle_since_) idle_since_ = now;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*idle_since_ + *idle_exit_ - now);
  if (left.count() <= 0) {
    log_info("nobody has been here for " + std::to_string(idle_exit_->count()) + " s");
    ended_ = true;
    return 0;
  }
  return static_cast<int>(left.count());
}

void Server::handle(uint64_t what, uint32_t events) {
  switch (kind_of(what)) {
    case kListener: return accept_all();
    case kSignals: {
      log_info("ended by a signal");
      ended_ = true;
      return;
    }
    case kProcess: return on_process_death(id_of(what));
    case kSocket: break;
  }
  const auto client = clients_.find(id_of(what));
  if (client == clients_.end()) return;  // dropped earlier in this turn
  if ((events & EPOLLOUT) != 0) client->second->dirty = true;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_from(*client->second);
}

void Server::accept_all() {
  for (int i = 0; i < kAcceptsPerTurn && accept_one(); ++i) {
  }
}

bool Server::accept_one() {
  Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    if (errno != EMFILE && errno != ENFILE) return errno == EINTR || errno == ECONNABORTED;
    // Without this the connection would stay in the backlog and epoll would call us for ever.
    spare_.reset();
    refuse(Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)),
           "busd is out of file descriptors; raise `ulimit -n` where it is started");
    spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return true;
  }
  const PeerCredentials peer = peer_credentials(socket.get());
  if (peer.uid != ::geteuid() && peer.uid != 0) {
    refuse(std::move(socket), "this bus belongs to user " + std::to_string(::geteuid()), Code::permission);
    return true;
  }
  if (unjoined_.size() >= kUnjoinedMax && !make_room()) {
    refuse(std::move(socket), std::to_string(kUnjoinedMax) + " connections are waiting to join; try again", Code::limit,
           kComeAgain);
    return true;
  }
  const uint64_t id = next_client_++;
  auto client = std::make_unique<Client>(id, std::move(socket), static_cast<uint32_t>(peer.pid));
  client->pidfd = peer_pidfd(client->channel.fd(), peer.pid);
  client->session = &registry_.open(*client, client->pid);
  watch(client->channel.fd(), EPOLLIN, tag(kSocket, id));
  if (client->pidfd) watch(client->pidfd.get(), EPOLLIN, tag(kProcess, id));
  clients_.emplace(id, std::move(client));
  unjoined_.insert(id);
  return true;
}

// Of those who have not joined the first to come is given up, if it had its time.
bool Server::make_room() {
  const uint64_t oldest = *unjoined_.begin();
  if (Clock::now() - clients_.at(oldest)->since < kUnjoinedPatience) return false;
  drop(oldest);
  return true;
}

void Server::refuse(Fd socket, const std::string& why, Code code, uint64_t reply_to) {
  if (!socket) return;
  Channel channel(std::move(socket), kFirstFrameBytesMax);
  channel.queue(encode({Reply{reply_to, Failure{code, why}}, {}}));
  channel.flush();
}

void Server::read_from(Client& client) {
  const uint64_t id = client.id;
  bool alive = true;
  try {
    alive = client.channel.receive(kBytesPerTurn);
    FrameReader& frames = client.channel.frames();
    while (const auto bytes = frames.next()) {
      if (!registry_.handle(*client.session, decode_request(*bytes, frames))) {
        client.session = nullptr;  // it has left
        alive = false;
        break;
      }
      if (client.session->joined && unjoined_.erase(id) != 0) frames.set_frame_bytes_max(kFrameBytesMax);
    }
  } catch (const ProtocolError& e) {
    // Bounded: the log may lie in memory.
    if (++cut_off_ <= kCutOffsLogged)
      log_warn("pid " + std::to_string(client.pid) + " is cut off: " + e.what() +
               (cut_off_ == kCutOffsLogged ? "; no more of this will be logged" : ""));
    alive = false;
  }
  if (!alive) drop(id);
}

void Server::on_process_death(uint64_t id) {
  const auto ghost = ghosts_.find(id);
  if (ghost != ghosts_.end()) {
    Session* session = ghost->second.session;
    ghosts_.erase(ghost);
    registry_.died(*session);
    return;
  }
  const auto client = clients_.find(id);
  if (client == clients_.end()) return;
  if (client->second->session != nullptr) registry_.died(*client->second->session);
  client->second->session = nullptr;
  drop(id);
}

// The socket goes; what becomes of the process its pidfd tells.
void Server::drop(uint64_t id) {
  const auto found = clients_.find(id);
  const std::unique_ptr<Client> client = std::move(found->second);
  clients_.erase(found);
  unjoined_.erase(id);
  Session* session = client->session;
  if (session == nullptr) return;
  const bool joined = session->joined;
  if (!joined || !client->pidfd) {
    registry_.died(*session);
    return;
  }
  if (registry_.lost(*session)) ghosts_.emplace(id, Ghost{std::move(client->pidfd), session});
}

// The C library keeps the holes that clients leave between what stays; a crowd that has gone would be paid for ever after.
void Server::trim_memory() {
  crowd_ = std::max(crowd_, clients_.size());
  if (crowd_ < kCrowd || clients_.size() > crowd_ / 2) return;
  ::malloc_trim(0);
  crowd_ = clients_.size();
}

// What publishers that are gone keep is replaced without a word to us, and only then is their memory free. Looked at rarer and
// rarer while nothing changes.
void Server::tidy() {
  const uint32_t kept = registry_.bus().kept_publishers;
  const auto now = Clock::now();
  if (kept == 0) {
    tidy_at_.reset();
  } else if (!tidy_at_ || kept > tidied_) {
    tidy_pause_ = kTidyPauseMin;
    tidy_at_ = now + tidy_pause_;
  } else if (now >= *tidy_at_) {
    drop_outdated(registry_.bus());
    tidy_pause_ = std::min(tidy_pause_ * 2, kTidyPauseMax);
    tidy_at_ = now + tidy_pause_;
  }
  tidied_ = kept;
}

void Server::flush_dirty() {
  stalled_ = false;
  std::vector<uint64_t> gone;
  for (const auto& [id, client] : clients_) {
    if (client->dirty && !client->flush()) {
      gone.push_back(id);
      continue;
    }
    if (client->channel.stalled()) {
      stalled_ = true;
      client->dirty = true;
    }
    const bool wants_write = client->channel.wants_write() && !client->channel.stalled();
    if (wants_write == client->wants_write) continue;
    client->wants_write = wants_write;
    watch(client->channel.fd(), wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN, tag(kSocket, id));
  }
  for (uint64_t id : gone) drop(id);
  // Dropping tells others.
  if (!gone.empty()) flush_dirty();
}

}  // namespace polybus::registry

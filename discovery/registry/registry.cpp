#include "discovery/registry/registry.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <polybus/error.hpp>
#include <string_view>

#include "bus/transport/blocks.hpp"
#include "discovery/protocol/codec.hpp"
#include "discovery/protocol/names.hpp"
#include "discovery/registry/departures.hpp"
#include "discovery/registry/ends.hpp"
#include "discovery/registry/graph.hpp"
#include "discovery/registry/introductions.hpp"
#include "discovery/registry/kept_values.hpp"
#include "discovery/registry/log.hpp"
#include "discovery/registry/schemas.hpp"

namespace polybus::registry {

using namespace discovery;

namespace {

constexpr uint32_t kProcessesMax = 4096;
constexpr size_t kNodesMax = 4096;  // per process

// "0.9.1" before "0.10.0"
bool is_older(const std::string& a, const std::string& b) {
  const auto part = [](const std::string& version, size_t* at) {
    unsigned long number = 0;
    while (*at < version.size() && version[*at] >= '0' && version[*at] <= '9')
      number = number * 10 + (version[(*at)++] - '0');
    if (*at < version.size()) ++*at;
    return number;
  };
  for (size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    const auto left = part(a, &i), right = part(b, &j);
    if (left != right) return left < right;
    if (i == 0 && j == 0) break;
  }
  return false;
}

// busd and publishers write into it, and must not be held up by what somebody else does: a full pipe would.
bool is_wakeable(int fd) {
  char target[64];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t bytes = ::readlink(link.c_str(), target, sizeof target);
  const int flags = ::fcntl(fd, F_GETFL);
  return bytes > 0 && std::string_view(target, static_cast<size_t>(bytes)) == "anon_inode:[eventfd]" && flags >= 0 &&
         (flags & O_NONBLOCK) != 0;
}

std::string version_mismatch(const std::string& theirs, const std::string& bus) {
  const std::string ours = POLYBUS_VERSION;
  const std::string both = "the program has polybus " + theirs + ", busd of bus " + bus + " (pid " +
                           std::to_string(::getpid()) + ") is version " + ours + "; they cannot talk: ";
  if (is_older(theirs, ours)) return both + "update the program's polybus package (pip, npm or apt) to " + ours;
  if (is_older(ours, theirs)) return both + "update busd's package to " + theirs + " and restart it";
  return both + "one of them is a different build; rebuild or update both";
}

}  // namespace

Registry::Registry(std::string bus_name, std::shared_ptr<bus::StatFile> stat_file)
    : bus_(std::move(bus_name), stat_file->header().instance_id, stat_file) {}

Session& Registry::open(Outbox& outbox, uint32_t pid) {
  auto session = std::make_unique<Session>();
  session->id = bus_.next_id++;
  session->outbox = &outbox;
  session->pid = pid;
  Session& made = *session;
  bus_.sessions.emplace(made.id, std::move(session));
  return made;
}

bool Registry::handle(Session& session, Request request) {
  if (!session.joined && !std::holds_alternative<Join>(request.body)) throw ProtocolError("no join");
  if (std::holds_alternative<Leave>(request.body)) {
    died(session);
    return false;
  }
  const uint64_t id = request.id;
  try {
    std::optional<Body> body;
    std::vector<SharedFd> fds;
    if (const auto* wish = std::get_if<Join>(&request.body))
      body = join(session, *wish, &fds);
    else
      body = answer(session, request);
    if (body && id != 0) session.outbox->send({Reply{id, std::move(*body)}, std::move(fds)});
  } catch (const Error& e) {
    log_info("pid " + std::to_string(session.pid) + ": refused: " + e.what());
    if (id != 0) session.outbox->send({Reply{id, Failure{e.code(), e.what()}}, {}});
  }
  return true;
}

std::optional<Registry::Body> Registry::answer(Session& session, Request& request) {
  if (auto* body = std::get_if<Advertise>(&request.body)) {
    advertise(bus_, session, request.id, std::move(*body));
  } else if (auto* body = std::get_if<Subscribe>(&request.body)) {
    subscribe(bus_, session, request.id, std::move(*body));
  } else if (auto* body = std::get_if<Connected>(&request.body)) {
    const Connection* connection = bus_.find_connection(body->connection);
    if (connection != nullptr && connection->subscriber->session == &session) on_connected(bus_, *body);
  } else if (auto* body = std::get_if<Attached>(&request.body)) {
    const Connection* connection = bus_.find_connection(body->connection);
    if (connection != nullptr && connection->publisher->session == &session) on_attached(bus_, *body);
  } else if (auto* body = std::get_if<Detached>(&request.body)) {
    on_detached(bus_, session, body->connection);
  } else if (auto* body = std::get_if<ConnectionClosed>(&request.body)) {
    on_connection_closed(bus_, session, body->connection);
  } else if (auto* body = std::get_if<ExtentUnmapped>(&request.body)) {
    on_extent_unmapped(bus_, session, *body);
  } else if (auto* body = std::get_if<ClosePublisher>(&request.body)) {
    const auto publisher = session.publishers.find(body->end);
    if (publisher != session.publishers.end()) publisher_gone(bus_, publisher->second, Departure::closed);
    return Done{};
  } else if (auto* body = std::get_if<CloseSubscriber>(&request.body)) {
    const auto subscriber = session.subscribers.find(body->end);
    if (subscriber != session.subscribers.end()) subscriber_gone(bus_, subscriber->second);
    return Done{};
  } else if (auto* body = std::get_if<AddNode>(&request.body)) {
    return add_node(session, *body);
  } else if (auto* body = std::get_if<RemoveNode>(&request.body)) {
    remove_node(session, body->node);
    return Done{};
  } else if (auto* body = std::get_if<GiveWakeFd>(&request.body)) {
    return wake_fd(session, *body, std::move(request.fds));
  } else if (auto* body = std::get_if<AskTopicSchema>(&request.body)) {
    return topic_schema(session, body->topic);
  } else if (auto* body = std::get_if<AskSchema>(&request.body)) {
    return known_schema(session, body->fingerprint);
  } else if (auto* body = std::get_if<SetWatch>(&request.body)) {
    session.watching = body->on;
    return Done{};
  } else if (std::holds_alternative<AskGraph>(request.body)) {
    drop_outdated(bus_);
    return draw_graph(bus_);
  }
  return std::nullopt;
}

Registry::Body Registry::join(Session& session, const Join& wish, std::vector<SharedFd>* fds) {
  if (session.joined) throw ProtocolError("joined twice");
  if (wish.protocol != protocol_version() || wish.layout_hash != bus::layout_hash())
    throw Error(Code::version_mismatch, version_mismatch(wish.library_version, bus_.name));
  if (!wish.bus.empty() && wish.bus != bus_.name)
    throw Error(Code::invalid_argument, "this socket serves the bus " + bus_.name + ", not " + wish.bus +
                                            "; check POLYBUS_SOCKET and POLYBUS_BUS");
  if (processes_ >= kProcessesMax)
    throw Error(Code::limit,
                "the bus has " + std::to_string(kProcessesMax) + " processes, which is the bound; use another bus");
  session.joined = true;
  session.process_start_ticks = process_start_ticks(session.pid);
  ++processes_;
  *fds = {bus_.book.fd(), share(Fd(::fcntl(bus_.stat.file().fd(), F_DUPFD_CLOEXEC, 0)))};
  log_info("pid " + std::to_string(session.pid) + " joins, polybus " + wish.library_version);
  return Joined{POLYBUS_VERSION, bus_.instance, bus_.name, static_cast<uint32_t>(::getpid())};
}

Registry::Body Registry::add_node(Session& session, const AddNode& request) {
  check_node_name(request.name);
  if (session.nodes.size() >= kNodesMax)
    throw Error(Code::limit, "a process can have " + std::to_string(kNodesMax) + " nodes; close some");
  if (!session.nodes.emplace(request.node, Node{request.name, request.language.substr(0, 31)}).second)
    throw ProtocolError("a node that is there already");
  bus_.announce({"node_added", "", request.name, "", session.pid});
  return Done{};
}

void Registry::remove_node(Session& session, uint64_t number) {
  const auto node = session.nodes.find(number);
  if (node == session.nodes.end()) return;
  const std::string name = node->second.name;
  session.nodes.erase(node);
  bus_.announce({"node_removed", "", name, "", session.pid});
}

Registry::Body Registry::wake_fd(Session& session, const GiveWakeFd& request, std::vector<SharedFd> fds) {
  const auto found = session.subscribers.find(request.end);
  if (found == session.subscribers.end()) throw Error(Code::closed, "the subscriber is closed");
  if (fds.empty()) throw Error(Code::limit, "busd is out of file descriptors; raise `ulimit -n` where it is started");
  if (!is_wakeable(fds.front()->get()))
    throw Error(Code::invalid_argument,
                "topic " + found->second->topic->name + ": the descriptor to wake by is not a non-blocking eventfd");
  Subscriber* subscriber = found->second;
  subscriber->wake_fd = std::move(fds.front());
  // Those who attach later get it with the introduction.
  for (Connection* connection : subscriber->connections)
    if (connection->stage != Stage::connecting && !connection->publisher_done)
      Bus::tell(connection->publisher->session, TakeWakeFd{connection->id, connection->publisher->number},
                {subscriber->wake_fd});
  return Done{};
}

Registry::Body Registry::topic_schema(Session& session, const std::string& name) {
  check_topic(name);
  const auto topic = bus_.topics.find(name);
  const End* end = topic == bus_.topics.end() ? nullptr : defining_end(*topic->second);
  return TopicSchema{end == nullptr ? std::nullopt : Bus::for_session(session, end->schema)};
}

Registry::Body Registry::known_schema(Session& session, const std::string& fingerprint) {
  return TopicSchema{Bus::for_session(session, bus_.schemas.find(fingerprint))};
}

bool Registry::lost(Session& session) {
  if (session.joined) {
    log_info("pid " + std::to_string(session.pid) + " is gone, or its socket is");
    --processes_;
    session.joined = false;
  }
  process_lost(bus_, &session);
  const bool maps_something = std::any_of(bus_.publishers.begin(), bus_.publishers.end(), [&](const auto& entry) {
    return entry.first->extent.holders.contains(&session);
  });
  if (maps_something || !session.publisher_records.empty() || !session.subscriber_records.empty()) return true;
  process_died(bus_, &session);
  return false;
}

void Registry::died(Session& session) {
  if (session.joined) --processes_;
  session.joined = false;
  process_died(bus_, &session);
}

}  // namespace polybus::registry

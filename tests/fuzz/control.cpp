// Any bytes a process may send to busd: cut into frames, decoded, and acted upon by a registry on which a well-behaved process is
// at work. Whatever came, the other one is served, and nothing is left of either when both are dead.
//
//   input: a byte that says in which pieces the rest arrives, then frames of schemas/control.capnp
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <polybus/error.hpp>

#include "bus/transport/blocks.hpp"
#include "discovery/protocol/codec.hpp"
#include "discovery/registry/log.hpp"
#include "discovery/registry/registry.hpp"

namespace {

using namespace polybus;
using namespace polybus::discovery;

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "control: %s\n", what);
  std::abort();
}

// A process that hears what busd tells it.
class Process : public registry::Outbox {
 public:
  Process(registry::Registry& registry, uint32_t pid) : registry_(registry), session_(&registry.open(*this, pid)) {}
  void send(Notice notice) override {
    // As the socket would: everything that is said must be sayable.
    encode(notice);
    inbox_.push_back(std::move(notice));
    if (inbox_.size() > 1000) inbox_.pop_front();
  }
  bool say(Request request) {
    if (session_ == nullptr) return false;
    if (!registry_.handle(*session_, std::move(request))) session_ = nullptr;
    return session_ != nullptr;
  }
  void die() {
    if (session_ != nullptr) registry_.died(*std::exchange(session_, nullptr));
  }
  // As a client does: maps, attaches, lets go.
  void answer_everything() {
    while (!inbox_.empty()) {
      const Notice notice = std::move(inbox_.front());
      inbox_.pop_front();
      const auto* event = std::get_if<Event>(&notice.body);
      if (event == nullptr) continue;
      if (const auto* told = std::get_if<Connect>(event)) {
        note(told->connection, told->extent.id);
        say({0, Connected{told->connection, {}}, {}});
      } else if (const auto* told = std::get_if<Attach>(event)) {
        say({0, Attached{told->connection, true}, {}});
      } else if (const auto* told = std::get_if<Detach>(event)) {
        say({0, Detached{told->connection}, {}});
      } else if (const auto* told = std::get_if<PublisherGone>(event)) {
        say({0, ConnectionClosed{told->connection}, {}});
      }
    }
  }
  // The numbers busd chose are random: a small number in a request of the input means one of those that were told.
  void aim(Request& request) {
    for (const Notice& notice : inbox_) {
      const auto* event = std::get_if<Event>(&notice.body);
      if (event == nullptr) continue;
      if (const auto* told = std::get_if<Connect>(event)) note(told->connection, told->extent.id);
      if (const auto* told = std::get_if<Attach>(event)) note(told->connection, 0);
      if (const auto* told = std::get_if<Detach>(event)) note(told->connection, 0);
    }
    inbox_.clear();
    if (auto* body = std::get_if<Connected>(&request.body)) pick(connections_, &body->connection);
    if (auto* body = std::get_if<Attached>(&request.body)) pick(connections_, &body->connection);
    if (auto* body = std::get_if<Detached>(&request.body)) pick(connections_, &body->connection);
    if (auto* body = std::get_if<ConnectionClosed>(&request.body)) pick(connections_, &body->connection);
    if (auto* body = std::get_if<ExtentUnmapped>(&request.body)) pick(extents_, &body->extent);
  }

 private:
  void note(uint64_t connection, uint64_t extent) {
    if (connections_.size() < 64) connections_.push_back(connection);
    if (extent != 0 && extents_.size() < 64) extents_.push_back(extent);
  }
  static void pick(const std::vector<uint64_t>& from, uint64_t* number) {
    if (*number < 256 && !from.empty()) *number = from[*number % from.size()];
  }

  registry::Registry& registry_;
  registry::Session* session_;
  std::deque<Notice> inbox_;
  std::vector<uint64_t> connections_, extents_;
};

Request join() { return {kJoin, Join{POLYBUS_VERSION, protocol_version(), bus::layout_hash(), ""}, {}}; }

registry::Registry& make_registry() {
  char folder[] = "/dev/shm/polybus-fuzz-XXXXXX";
  require(::mkdtemp(folder) != nullptr, "no folder");
  const std::string path = std::string(folder) + "/fuzz.stat";
  auto file = bus::StatFile::create(path, 1, "fuzz");
  ::unlink(path.c_str());
  ::rmdir(folder);
  return *new registry::Registry("fuzz", std::move(file));
}

void start_decent(Process& decent) {
  decent.say(join());
  decent.say({2, AddNode{1, "decent", "test"}, {}});
  decent.say({3, Advertise{.end = 1, .node = 1, .topic = "a", .publisher_id = 1, .schema = {}, .history = 2}, {}});
  decent.say(
      {4,
       Subscribe{.end = 2, .node = 1, .topic = "b", .subscriber_id = 2, .schema = {}, .queue_depth = 4, .history = 4},
       {}});
  decent.answer_everything();
}

void take_requests(Process& hostile, Process& decent, FrameReader& frames) {
  while (const auto bytes = frames.next()) {
    Request request = decode_request(*bytes, frames);
    hostile.aim(request);
    if (std::holds_alternative<GiveWakeFd>(request.body) && request.id % 2 != 0)
      request.fds.push_back(share(Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))));
    if (auto* advertise = std::get_if<Advertise>(&request.body))
      advertise->quota_bytes = std::min<uint64_t>(advertise->quota_bytes, 1 << 20);
    if (!hostile.say(std::move(request))) return;
    decent.answer_everything();
  }
}

void require_nothing_left(const registry::Bus& bus) {
  require(bus.sessions.empty(), "a session is left");
  require(bus.connections.empty(), "a connection is left");
  require(bus.subscribers.empty(), "a subscriber is left");
  require(bus.publishers.empty(), "a publisher is left");
  require(bus.topics.empty(), "a topic is left");
  require(bus.book.blocks_in_use() == 0, "a block is left");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static registry::Registry& registry = make_registry();
  if (size < 1) return 0;
  const size_t piece = size_t{data[0]} + 1;
  Process decent(registry, 1000001), hostile(registry, 1000002);
  start_decent(decent);
  FrameReader frames(kFrameBytesMax);
  try {
    hostile.say(join());
    hostile.say({2, AddNode{1, "hostile", "test"}, {}});
    for (size_t at = 1; at < size; at += piece) {
      const size_t bytes = std::min(piece, size - at);
      const auto space = frames.space();
      require(space.size() >= bytes, "no space to receive into");
      std::memcpy(space.data(), data + at, bytes);
      frames.arrived(bytes);
      take_requests(hostile, decent, frames);
    }
  } catch (const ProtocolError&) {  // is cut off
  }
  hostile.die();
  decent.answer_everything();
  decent.say({9, AskGraph{}, {}});
  decent.die();
  require_nothing_left(registry.bus());
  return 0;
}

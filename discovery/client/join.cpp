#include "discovery/client/join.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <polybus/error.hpp>
#include <thread>

#include "bus/memory/fault_point.hpp"
#include "bus/transport/blocks.hpp"
#include "discovery/client/starter.hpp"
#include "discovery/protocol/codec.hpp"
#include "discovery/protocol/unix_socket.hpp"

namespace polybus::discovery {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kLookAgain = std::chrono::milliseconds(2);
constexpr auto kSlice = std::chrono::milliseconds(50);  // between looks at is_cancelled

bool is_cancelled(const JoinPlan& plan) { return plan.is_cancelled && plan.is_cancelled(); }

std::string list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

[[noreturn]] void throw_no_bus(const JoinPlan& plan) {
  std::string message = "no busd serves bus " + plan.bus + " (looked for " + list(plan.socket.paths) +
                        ") and starting one is switched off; start `busd --bus " + plan.bus + "`" +
                        (plan.autostart_is_given ? "" : ", or unset POLYBUS_AUTOSTART");
  const auto others = other_buses();
  if (!others.empty()) message += "; sockets of other buses: " + list(others);
  throw Error(Code::no_bus, message);
}

[[noreturn]] void throw_late(const JoinPlan& plan, const std::string& path, bool reached) {
  throw Error(Code::timeout, "bus " + plan.bus + ": " +
                                 (reached ? "busd on " + path + " does not answer; is it stopped?"
                                          : "no busd came up in time on " + list(plan.socket.paths)));
}

// The socket of the bus, if one listens somewhere. A folder that is not ours to look into is as good as empty, unless it was
// named.
Reached look(const JoinPlan& plan, Fd* socket, std::string* path) {
  Reached best = Reached::nothing_there;
  for (const std::string& candidate : plan.socket.paths) {
    Reached reached = Reached::nothing_there;
    try {
      reached = connect_unix(candidate, socket);
    } catch (const Error& e) {
      if (plan.socket.is_given || e.code() != Code::permission) throw;
    }
    if (reached == Reached::yes || reached == Reached::busy) {
      *path = candidate;
      return reached;
    }
    if (reached == Reached::stale) best = Reached::stale;
  }
  return best;
}

// What passes while this process stands still, as in a debugger, does not count: the answer may be there when it goes on. So
// there is always time for one look.
std::optional<Notice> await_notice(Channel& channel, const JoinPlan& plan, const std::string& path) {
  auto left = std::max(std::chrono::ceil<std::chrono::milliseconds>(plan.deadline - Clock::now()), kSlice);
  for (;;) {
    if (const auto bytes = channel.frames().next()) return decode_notice(*bytes, channel.frames());
    if (left.count() <= 0 || is_cancelled(plan)) throw_late(plan, path, true);
    const auto slice = std::min(left, kSlice);
    const auto begun = Clock::now();
    pollfd wait{channel.fd(), static_cast<short>(POLLIN | (channel.wants_write() ? POLLOUT : 0)), 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(slice.count()));
    left -= std::min(slice, std::chrono::ceil<std::chrono::milliseconds>(Clock::now() - begun));
    if (ready <= 0) continue;
    if (channel.wants_write()) channel.flush();
    if (channel.receive()) continue;
    const auto last = channel.frames().next();
    if (!last) return std::nullopt;
    return decode_notice(*last, channel.frames());
  }
}

// Null: busd is just ending, or a crowd is before us (`*refusal` says so); look again.
std::shared_ptr<Run> shake_hands(Fd socket, const JoinPlan& plan, const std::string& path,
                                 std::optional<Error>* refusal) {
  Channel channel(std::move(socket), kFrameBytesMax);
  channel.queue(encode(Request{
      kJoin, Join{POLYBUS_VERSION, protocol_version(), bus::layout_hash(), plan.bus_is_given ? plan.bus : ""}, {}}));
  bus::fault_point("join.connected");
  channel.flush();  // where busd hung up already, its reason is still there to read
  bus::fault_point("join.asked");
  std::optional<Notice> notice;
  try {
    notice = await_notice(channel, plan, path);
  } catch (const ProtocolError& e) {
    throw Error(Code::io, path + ": whoever listens there does not speak busd's language (" + e.what() +
                              "); choose another path in POLYBUS_SOCKET");
  }
  if (!notice) return nullptr;
  const auto* reply = std::get_if<Reply>(&notice->body);
  if (reply == nullptr) throw Error(Code::io, path + ": busd's first word is not an answer");
  if (const auto* failure = std::get_if<Failure>(&reply->body)) {
    if (reply->id != kComeAgain) throw Error(failure->code, failure->message);
    *refusal = Error(failure->code, failure->message);
    return nullptr;
  }
  const auto* joined = std::get_if<Joined>(&reply->body);
  if (joined == nullptr) throw Error(Code::io, path + ": busd's first word is not an answer");
  if (notice->fds.size() < 2)
    throw Error(Code::limit, "joining bus " + joined->bus + ": out of file descriptors; raise `ulimit -n`");
  bus::fault_point("join.answered");
  auto window = bus::Window::reserve();
  window->map(notice->fds[0]->get(), 0, bus::kBookBytesMax, bus::Access::read_write);
  auto stat = bus::StatFile::from_fd(notice->fds[1]->release(), true);
  bus::fault_point("join.mapped");
  return Run::make(std::move(channel), *joined, std::move(window), std::move(stat));
}

}  // namespace

std::shared_ptr<Run> join_bus(const JoinPlan& plan) {
  std::unique_ptr<Starter> starter;
  std::string path;
  bool reached_one = false;
  std::optional<Error> refusal;  // the latest that passes
  for (;;) {
    Fd socket;
    const Reached reached = look(plan, &socket, &path);
    if (reached == Reached::yes) {
      reached_one = true;
      if (auto run = shake_hands(std::move(socket), plan, path, &refusal)) return run;
    }
    if (Clock::now() >= plan.deadline || is_cancelled(plan)) {
      if (refusal) throw *refusal;
      throw_late(plan, path, reached_one);
    }
    if (reached == Reached::nothing_there || reached == Reached::stale) {
      if (!plan.autostart) throw_no_bus(plan);
      if (starter == nullptr) starter = std::make_unique<Starter>(plan.bus, files_beside(socket_to_make(plan.socket)));
      // Once more after our turn came: whoever had it before us may just have finished.
      if (starter->is_our_turn()) {
        if (look(plan, &socket, &path) != Reached::yes) starter->start(plan.deadline);
        continue;
      }
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

}  // namespace polybus::discovery

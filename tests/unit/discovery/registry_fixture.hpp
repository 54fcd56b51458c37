// A registry without sockets, and processes that the test plays.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <fstream>
#include <optional>
#include <polybus/schema.hpp>
#include <string>
#include <utility>
#include <vector>

#include "bus/transport/layout.hpp"
#include "discovery/protocol/codec.hpp"
#include "discovery/registry/registry.hpp"
#include "tests/unit/discovery/code_of.hpp"
#include "tests/unit/discovery/folder.hpp"

namespace polybus::registry::testing_support {

using namespace discovery;
using discovery::testing_support::code_of;
using discovery::testing_support::Folder;

// A struct's definition as a process sends it.
inline SchemaInfo schema_of(const std::string& name, const std::string& fields) {
  Folder folder;
  std::ofstream(folder / "x.capnp") << "@0xb0e1c2d3a4f59801;\nstruct " << name << " {" << fields << "}";
  const Schema parsed = Schema::parse_file(folder / "x.capnp").at(name);
  const auto bundle = parsed.bundle();
  return {parsed.fingerprint(), parsed.type_name(),
          std::make_shared<const std::vector<std::byte>>(bundle.begin(), bundle.end())};
}

inline SchemaInfo schema(char which) {
  return which == 'a' ? schema_of("A", "v @0 :UInt8; w @1 :Text;") : schema_of("B", "v @0 :UInt16; w @1 :Text;");
}

// A process as busd sees it: what it was told, and short ways to say things.
class Process : public Outbox {
 public:
  Process(Registry& registry, uint32_t pid) : registry_(registry), session_(&registry.open(*this, pid)) {
    const auto joined = ask(Join{POLYBUS_VERSION, protocol_version(), bus::layout_hash(), ""});
    EXPECT_TRUE(std::holds_alternative<Joined>(joined));
    say(AddNode{1, "node-" + std::to_string(pid), "test"});
  }

  void send(Notice notice) override { inbox_.push_back(std::move(notice)); }

  void say(decltype(Request::body) body, std::vector<SharedFd> fds = {}) {
    if (!registry_.handle(*session_, Request{0, std::move(body), std::move(fds)})) session_ = nullptr;
  }
  // The reply; events that came with it stay in the inbox.
  decltype(Reply::body) ask(decltype(Request::body) body, std::vector<SharedFd> with = {}) {
    registry_.handle(*session_, Request{++last_id_, std::move(body), std::move(with)});
    for (auto notice = inbox_.begin(); notice != inbox_.end(); ++notice) {
      auto* reply = std::get_if<Reply>(&notice->body);
      if (reply == nullptr || reply->id != last_id_) continue;
      auto body_of_reply = std::move(reply->body);
      inbox_.erase(notice);
      return body_of_reply;
    }
    return Failure{Code::internal, "no answer"};
  }
  Placed advertise(uint64_t end, const std::string& topic, uint32_t history = 0, std::optional<SchemaInfo> with = {},
                   bool exclusive = false) {
    auto body = ask(Advertise{.end = end,
                              .node = 1,
                              .topic = topic,
                              .publisher_id = 1000 + end,
                              .schema = std::move(with),
                              .history = history,
                              .exclusive = exclusive,
                              .quota_bytes = 1 << 20});
    if (auto* failure = std::get_if<Failure>(&body)) throw Error(failure->code, failure->message);
    return std::get<Placed>(body);
  }
  Subscribed subscribe(uint64_t end, const std::string& topic, uint32_t history = 0,
                       std::optional<SchemaInfo> with = {}) {
    auto body = ask(Subscribe{.end = end,
                              .node = 1,
                              .topic = topic,
                              .subscriber_id = 2000 + end,
                              .schema = std::move(with),
                              .queue_depth = 16,
                              .history = history});
    if (auto* failure = std::get_if<Failure>(&body)) throw Error(failure->code, failure->message);
    return std::get<Subscribed>(body);
  }
  // The next event of its kind; others before it are skipped.
  template <typename T>
  std::optional<T> hear() {
    while (!inbox_.empty()) {
      const Notice notice = std::move(inbox_.front());
      inbox_.pop_front();
      if (const auto* event = std::get_if<Event>(&notice.body))
        if (const auto* wanted = std::get_if<T>(event)) {
          fds = notice.fds;
          return *wanted;
        }
    }
    return std::nullopt;
  }
  void die() {
    registry_.died(*session_);
    session_ = nullptr;
  }
  void lose_socket() { registry_.lost(*session_); }
  Session& session() { return *session_; }

  std::vector<SharedFd> fds;  // of the event heard last

 private:
  Registry& registry_;
  Session* session_;
  std::deque<Notice> inbox_;
  uint64_t last_id_ = 1;
};

class Registries : public ::testing::Test {
 protected:
  Folder folder;
  Registry registry{"test", bus::StatFile::create(folder / "t.stat", 4711, "test")};
  const Bus& bus() { return registry.bus(); }

  void expect_nothing_left() {
    EXPECT_EQ(bus().book.blocks_in_use(), 0u);
    EXPECT_TRUE(bus().connections.empty());
    EXPECT_TRUE(bus().publishers.empty());
    EXPECT_TRUE(bus().subscribers.empty());
    EXPECT_TRUE(bus().topics.empty());
    EXPECT_EQ(bus().window.free_bytes(), bus().book.window_bytes() - bus::kBookBytesMax);
  }
};

// The whole introduction of one publisher and one subscriber. Returns the connection.
inline uint64_t shake_hands(Process& publisher, Process& subscriber) {
  const auto connect = subscriber.hear<Connect>();
  EXPECT_TRUE(connect);
  EXPECT_EQ(subscriber.fds.size(), 1u);
  subscriber.say(Connected{connect->connection, {}});
  const auto attach = publisher.hear<Attach>();
  EXPECT_TRUE(attach);
  EXPECT_EQ(attach->connection, connect->connection);
  EXPECT_EQ(attach->block, connect->block);
  publisher.say(Attached{attach->connection, true});
  return connect->connection;
}

}  // namespace polybus::registry::testing_support

// What busd does at the bounds of docs/limits.md: a named error, and everybody who is there goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "discovery/protocol/codec.hpp"
#include "discovery/registry/log.hpp"
#include "discovery/registry/registry.hpp"
#include "tests/unit/discovery/folder.hpp"

namespace polybus::registry {
namespace {

using namespace discovery;
using discovery::testing_support::Folder;
using testing::HasSubstr;

// A process that asks and hears nothing but replies.
class Asker : public Outbox {
 public:
  Asker(Registry& registry, uint32_t pid) : registry_(registry), session_(&registry.open(*this, pid)) {}
  void send(Notice notice) override {
    if (auto* reply = std::get_if<Reply>(&notice.body)) replies_.push_back(std::move(reply->body));
  }
  // What busd objects to.
  Failure ask(decltype(Request::body) body) {
    replies_.clear();
    registry_.handle(*session_, Request{7, std::move(body), {}});
    if (replies_.size() != 1) return {Code::internal, "no answer"};
    const auto* failure = std::get_if<Failure>(&replies_.front());
    return failure == nullptr ? Failure{Code::ok, ""} : *failure;
  }
  Failure join() { return ask(Join{POLYBUS_VERSION, protocol_version(), bus::layout_hash(), ""}); }
  Failure add_node(uint64_t number) { return ask(AddNode{number, "asker", "test"}); }
  Failure advertise(uint64_t end, const std::string& topic, uint64_t quota_bytes = 1 << 20) {
    return ask(Advertise{.end = end,
                         .node = 1,
                         .topic = topic,
                         .publisher_id = end,
                         .schema = {},
                         .history = 0,
                         .exclusive = false,
                         .quota_bytes = quota_bytes});
  }
  Failure subscribe(uint64_t end, const std::string& topic) {
    return ask(Subscribe{
        .end = end, .node = 1, .topic = topic, .subscriber_id = end, .schema = {}, .queue_depth = 1, .history = 0});
  }

 private:
  Registry& registry_;
  Session* session_;
  std::vector<decltype(Reply::body)> replies_;
};

class Limits : public ::testing::Test {
 protected:
  Folder folder;
  Registry registry{"test", bus::StatFile::create(folder / "t.stat", 4711, "test")};
  Asker process{registry, 10};
  void SetUp() override {
    process.join();
    process.add_node(1);
  }
};

// The call that is refused, after exactly `bound` that were not.
template <typename F>
void expect_bound(uint64_t bound, Code code, const std::string& names, F&& call) {
  for (uint64_t i = 1; i <= bound; ++i) {
    const Failure failure = call(i);
    ASSERT_EQ(failure.code, Code::ok) << i << ": " << failure.message;
  }
  const Failure failure = call(bound + 1);
  EXPECT_EQ(failure.code, code) << failure.message;
  EXPECT_THAT(failure.message, HasSubstr(names));
}

TEST_F(Limits, refuse_more_ends_than_the_counter_file_has_room_for) {
  expect_bound(bus::kEndsMax, Code::limit, std::to_string(bus::kEndsMax),
               [&](uint64_t i) { return process.subscribe(i, "t" + std::to_string(i % 100)); });
  process.ask(CloseSubscriber{1});
  EXPECT_EQ(process.subscribe(99'999, "t0").code, Code::ok) << "one went, one may come";
}

TEST_F(Limits, refuse_a_publisher_more_than_a_subscriber_can_hear) {
  process.subscribe(1'000'000, "busy");
  expect_bound(bus::kPublishersPerSubscriberMax, Code::limit, std::to_string(bus::kPublishersPerSubscriberMax),
               [&](uint64_t i) { return process.advertise(i, "busy"); });
  EXPECT_EQ(process.advertise(99'999, "elsewhere").code, Code::ok);
  const Failure late = process.subscribe(1'000'001, "busy");  // it keeps some ready bits for values of the dead
  EXPECT_EQ(late.code, Code::limit);
  EXPECT_THAT(late.message, HasSubstr(std::to_string(bus::kPublishersPerSubscriberMax - bus::kHistoryMax)));
}

TEST_F(Limits, refuse_a_publisher_whose_quota_finds_no_addresses_and_say_how_to_get_more) {
  const uint64_t addresses = registry.bus().book.window_bytes() - bus::kBookBytesMax;
  EXPECT_EQ(process.advertise(1, "large", addresses - (1 << 20)).code, Code::ok) << "reserves nothing but addresses";
  const Failure failure = process.advertise(2, "t", 2 << 20);
  EXPECT_EQ(failure.code, Code::limit);
  EXPECT_THAT(failure.message, HasSubstr("POLYBUS_WINDOW"));
  EXPECT_EQ(process.advertise(3, "t", 1 << 20).code, Code::ok);
  EXPECT_EQ(process.advertise(4, "t", addresses * 2).code, Code::too_large);
}

TEST_F(Limits, leave_connections_that_find_no_room_unmade_and_log_it) {
  try {
    for (;;) registry.bus().book.take_connection();
  } catch (const Error& error) {
    ASSERT_EQ(error.code(), Code::limit);
  }
  open_log("test", "warn");
  ::testing::internal::CaptureStderr();
  const Failure published = process.advertise(1, "t"), subscribed = process.subscribe(2, "t");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("no room for more connections"));
  open_log("test", "off");
  EXPECT_EQ(published.code, Code::ok) << published.message;
  EXPECT_EQ(subscribed.code, Code::ok) << subscribed.message;
  EXPECT_TRUE(registry.bus().connections.empty());
}

TEST_F(Limits, refuse_more_nodes_than_a_process_may_have) {
  expect_bound(4096 - 1, Code::limit, "4096", [&](uint64_t i) { return process.add_node(1 + i); });
}

TEST_F(Limits, refuse_more_processes_than_a_bus_may_have) {
  std::vector<std::unique_ptr<Asker>> others;
  expect_bound(4096 - 1, Code::limit, "4096", [&](uint64_t i) {
    others.push_back(std::make_unique<Asker>(registry, static_cast<uint32_t>(10 + i)));
    return others.back()->join();
  });
}

TEST(Book, refuses_more_connections_than_it_has_room_for_and_says_so) {
  Book book;
  uint64_t connections = 0;
  try {
    for (;; ++connections) book.take_connection();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::limit);
    EXPECT_THAT(error.what(), HasSubstr("no room for more connections: its bookkeeping is limited to 4 GiB"));
  }
  EXPECT_GE(connections, 87'000U);
  EXPECT_EQ(book.blocks_in_use(), connections);
}

}  // namespace
}  // namespace polybus::registry

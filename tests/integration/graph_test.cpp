// The graph and its events.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <mutex>
#include <set>

#include "test_bus.hpp"
#include "tests/integration/words.capnp.h"

using namespace testing_bus;
using polybus::Code;
using polybus::GraphEvent;
using words::Reading;

class Graphs : public TestBus {};

namespace {

const polybus::GraphTopic* find(const polybus::Graph& graph, const std::string& topic) {
  for (const auto& entry : graph.topics) {
    if (entry.topic == topic) return &entry;
  }
  return nullptr;
}

}  // namespace

TEST_F(Graphs, show_nodes_topics_and_ends) {
  auto node = this->node("a-node"), other = this->node("other");
  auto pub = node.publisher<Reading>("sensors/a", {.history = 2, .exclusive = true});
  auto sub = other.subscriber("sensors/a", {.queue = 32, .overflow = polybus::Overflow::block});
  const polybus::Graph graph = node.graph();
  EXPECT_EQ(graph.bus, bus());
  EXPECT_EQ(graph.busd_pid, static_cast<uint32_t>(busd()));
  ASSERT_EQ(graph.nodes.size(), 2u);
  const auto* topic = find(graph, "sensors/a");
  ASSERT_NE(topic, nullptr);
  EXPECT_EQ(topic->type, "words.capnp:Reading");
  EXPECT_EQ(topic->fingerprint, polybus::Schema::of<Reading>().fingerprint());
  ASSERT_EQ(topic->publishers.size(), 1u);
  ASSERT_EQ(topic->subscribers.size(), 1u);
  const auto& publisher = topic->publishers[0];
  EXPECT_EQ(publisher.node, "a-node");
  EXPECT_EQ(publisher.language, "c++");
  EXPECT_EQ(publisher.pid, static_cast<uint32_t>(::getpid()));
  EXPECT_EQ(publisher.history, 2u);
  EXPECT_TRUE(publisher.exclusive);
  const auto& subscriber = topic->subscribers[0];
  EXPECT_EQ(subscriber.node, "other");
  EXPECT_EQ(subscriber.queue, 32u);
  EXPECT_EQ(subscriber.overflow, polybus::Overflow::block);
  ASSERT_EQ(graph.connections.size(), 1u);
  EXPECT_EQ(graph.connections[0].publisher_id, publisher.id);
  EXPECT_EQ(graph.connections[0].subscriber_id, subscriber.id);
}

TEST_F(Graphs, show_the_counters) {
  auto node = this->node();
  auto pub = node.publisher("a");
  auto sub = node.subscriber("a", {.queue = 4});
  for (int i = 0; i < 10; ++i) pub.publish_bytes("12345");
  auto sample = sub.take(kPatience);
  while (sub.take()) {
  }
  pub.close();  // an end writes its last figures when it closes, else about once a second
  EXPECT_TRUE(eventually([&] {
    const auto graph = node.graph();
    const auto* topic = find(graph, "a");
    if (topic == nullptr || topic->subscribers.empty()) return false;
    const auto& subscriber = topic->subscribers[0];
    return subscriber.taken + subscriber.lost == 10 && subscriber.held == 1;
  }));
}

TEST_F(Graphs, events_tell_who_comes_and_goes) {
  auto node = this->node("watcher");
  auto watch = node.watch();
  pollfd entry{.fd = watch.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  {
    auto other = this->node("visitor");
    auto pub = other.publisher<Reading>("a");
    auto sub = other.subscriber("a");
  }
  EXPECT_EQ(::poll(&entry, 1, 30'000), 1);
  std::multiset<std::string> seen;
  std::string type;
  while (seen.count("node_removed") == 0) {
    const auto event = watch.next(kPatience);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->node, "visitor");
    EXPECT_EQ(event->pid, static_cast<uint32_t>(::getpid()));
    if (event->event == "publisher_added") {
      EXPECT_EQ(event->topic, "a");
      type = event->type;
    }
    seen.insert(event->event);
  }
  EXPECT_EQ(type, "words.capnp:Reading");
  for (const char* event : {"node_added", "publisher_added", "publisher_removed", "subscriber_added",
                            "subscriber_removed", "node_removed"}) {
    EXPECT_EQ(seen.count(event), 1u) << event;
  }
  EXPECT_FALSE(watch.next(10ms));
}

TEST_F(Graphs, events_are_called_back) {
  auto node = this->node();
  std::mutex mutex;
  std::set<std::string> topics;
  auto listener = node.watch([&](const GraphEvent& event) {
    std::lock_guard lock(mutex);
    if (event.event == "publisher_added") topics.insert(event.topic);
  });
  auto one = node.publisher("one"), two = node.publisher("two");
  EXPECT_TRUE(eventually([&] {
    std::lock_guard lock(mutex);
    return topics.size() == 2;
  }));
  listener.close();
}

TEST_F(Graphs, closed_watch_says_so) {
  auto node = this->node();
  auto watch = node.watch();
  watch.close();
  watch.close();
  EXPECT_EQ(code_of([&] { watch.next(0ms); }), Code::closed);
}

TEST_F(Graphs, death_of_a_process_is_an_event) {
  auto node = this->node("watcher");
  auto watch = node.watch();
  const pid_t child = start_child([&]() -> int {
    auto own = this->node("doomed");
    auto pub = own.publisher("a");
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  EXPECT_EQ(end_of(child), 128 + SIGKILL);
  bool gone = false;
  while (!gone) {
    const auto event = watch.next(kPatience);
    ASSERT_TRUE(event);
    gone = event->event == "publisher_removed" && event->pid == static_cast<uint32_t>(child);
  }
}

// Runs the cases of c_interface.c, each on a bus of its own; and what of the C interface is easier told from outside.
#include <polybus/polybus.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <future>
#include <thread>

#include "c_interface.h"
#include "test_bus.hpp"

using namespace testing_bus;

class CInterface : public TestBus {
 protected:
  static void expect_well(const char* failure) { EXPECT_EQ(failure, nullptr) << failure; }
};

TEST_F(CInterface, names_versions_and_codes) { expect_well(c_names_versions_and_codes()); }
TEST_F(CInterface, publishes_and_takes_bytes) { expect_well(c_publishes_and_takes_bytes(bus().c_str())); }
TEST_F(CInterface, fills_a_draft_in_place) { expect_well(c_fills_a_draft_in_place(bus().c_str())); }
TEST_F(CInterface, builds_and_reads_a_typed_message) {
  expect_well(
      c_builds_and_reads_a_typed_message(bus().c_str(), POLYBUS_TEST_SOURCE_DIR "/tests/integration/words.capnp"));
}
TEST_F(CInterface, refuses_bad_input) { expect_well(c_refuses_bad_input(bus().c_str())); }
TEST_F(CInterface, takes_many_and_waits) { expect_well(c_takes_many_and_waits(bus().c_str())); }
TEST_F(CInterface, keeps_samples_after_everything_is_closed) {
  expect_well(c_keeps_samples_after_everything_is_closed(bus().c_str()));
}
TEST_F(CInterface, writes_and_reads_a_region) { expect_well(c_writes_and_reads_a_region(bus().c_str())); }
TEST_F(CInterface, describes_the_graph) { expect_well(c_describes_the_graph(bus().c_str())); }
TEST_F(CInterface, watches_the_graph) { expect_well(c_watches_the_graph(bus().c_str())); }

namespace {

std::atomic<int> signals = 0;

struct OpenNode {
  explicit OpenNode(const std::string& bus) {
    polybus_node_options options;
    polybus_node_options_init(&options);
    options.bus = bus.c_str();
    options.autostart = 0;
    EXPECT_EQ(polybus_node_open_with("c", &options, &handle, nullptr), POLYBUS_OK);
  }
  ~OpenNode() { polybus_node_close(handle); }
  polybus_node* handle = nullptr;
};

}  // namespace

TEST_F(CInterface, wait_is_interrupted_by_a_signal_handler) {
  struct sigaction action = {};
  action.sa_handler = [](int) { ++signals; };
  ::sigaction(SIGUSR1, &action, nullptr);
  OpenNode node(bus());
  polybus_subscriber* sub = nullptr;
  ASSERT_EQ(polybus_subscriber_open(node.handle, "a", nullptr, nullptr, &sub, nullptr), POLYBUS_OK);
  std::promise<pthread_t> started;
  std::atomic<int> result = -1;
  std::thread waiter([&] {
    started.set_value(::pthread_self());
    polybus_sample* sample = nullptr;
    result = polybus_subscriber_take(sub, -1, &sample, nullptr);
  });
  const pthread_t thread = started.get_future().get();
  // The signal may come before the wait; so it is sent until the wait has ended.
  EXPECT_TRUE(eventually([&] {
    if (result == -1) ::pthread_kill(thread, SIGUSR1);
    return result != -1;
  }));
  waiter.join();
  EXPECT_EQ(result, POLYBUS_INTERRUPTED);
  polybus_subscriber_close(sub);
}

TEST_F(CInterface, handles_of_the_parent_answer_forked_in_the_child) {
  OpenNode node(bus());
  polybus_publisher* pub = nullptr;
  polybus_subscriber* sub = nullptr;
  polybus_sample* sample = nullptr;
  ASSERT_EQ(polybus_publisher_open(node.handle, "a", nullptr, nullptr, &pub, nullptr), POLYBUS_OK);
  ASSERT_EQ(polybus_subscriber_open(node.handle, "a", nullptr, nullptr, &sub, nullptr), POLYBUS_OK);
  ASSERT_EQ(polybus_publisher_publish(pub, "x", 1, nullptr, nullptr), POLYBUS_OK);
  ASSERT_EQ(polybus_subscriber_take(sub, 30'000, &sample, nullptr), POLYBUS_OK);
  EXPECT_EQ(in_child([&]() -> int {
              polybus_error error;
              polybus_sample* none = nullptr;
              char* json = nullptr;
              int wrong = 0;
              wrong += polybus_publisher_publish(pub, "x", 1, nullptr, &error) != POLYBUS_FORKED;
              wrong += polybus_subscriber_take(sub, 0, &none, &error) != POLYBUS_FORKED;
              wrong += polybus_node_graph_json(node.handle, &json, &error) != POLYBUS_FORKED;
              wrong += polybus_node_connected(node.handle) != 0;
              polybus_sample_release(sample);
              polybus_subscriber_close(sub);
              polybus_publisher_close(pub);
              return wrong;
            }),
            0);
  polybus_sample_info info;
  polybus_sample_get_info(sample, &info);
  EXPECT_EQ(info.size, 1u);
  polybus_sample_release(sample);
  EXPECT_EQ(polybus_publisher_publish(pub, "y", 1, nullptr, nullptr), POLYBUS_OK);
  polybus_subscriber_close(sub);
  polybus_publisher_close(pub);
}

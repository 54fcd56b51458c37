// Nodes: joining, and being refused.
#include <signal.h>

#include <cstdlib>
#include <fstream>

#include "test_bus.hpp"

using namespace testing_bus;
using polybus::Code;
using polybus::Node;

class NodeOnABus : public TestBus {};
class NodeWithoutABus : public NoBus {};

TEST_F(NodeOnABus, joins_and_knows_its_names) {
  Node node = this->node("tracker");
  EXPECT_EQ(node.name(), "tracker");
  EXPECT_EQ(node.bus(), bus());
  EXPECT_TRUE(node.connected());
}

TEST_F(NodeOnABus, shares_its_name_and_process_with_others) {
  Node one = node("same"), two = node("same");
  one.close();
  EXPECT_TRUE(two.connected());
  EXPECT_EQ(two.graph().nodes.size(), 1u);
}

TEST_F(NodeOnABus, can_be_closed_twice_and_says_so_when_used_afterwards) {
  Node node = this->node();
  auto publisher = node.publisher("a");
  auto subscriber = node.subscriber("a");
  node.close();
  node.close();
  EXPECT_EQ(code_of([&] { node.publisher("b"); }), Code::closed);
  EXPECT_EQ(code_of([&] { node.subscriber("b"); }), Code::closed);
  EXPECT_EQ(code_of([&] { node.graph(); }), Code::closed);
  EXPECT_EQ(code_of([&] { node.watch(); }), Code::closed);
  EXPECT_EQ(code_of([&] { node.region("r"); }), Code::closed);
  EXPECT_EQ(code_of([&] { publisher.publish_bytes("x"); }), Code::closed);
  EXPECT_EQ(code_of([&] { subscriber.take(); }), Code::closed);
}

TEST_F(NodeOnABus, refuses_names_that_are_none) {
  std::string message;
  EXPECT_EQ(code_of([&] { this->node(""); }, &message), Code::invalid_argument);
  EXPECT_EQ(code_of([&] { this->node(std::string(65, 'x')); }, &message), Code::invalid_argument);
  EXPECT_NE(message.find("64"), std::string::npos) << message;
}

TEST_F(NodeOnABus, refuses_topics_that_are_none_and_says_what_is_allowed) {
  Node node = this->node();
  for (const char* topic : {"", "/", "/a", "a/", "a//b", "a b", "grüße", "a\nb"}) {
    std::string message;
    EXPECT_EQ(code_of([&] { node.publisher(topic); }, &message), Code::invalid_topic) << topic;
    EXPECT_EQ(code_of([&] { node.subscriber(topic); }), Code::invalid_topic) << topic;
    EXPECT_EQ(code_of([&] { node.region(topic); }), Code::invalid_topic) << topic;
    EXPECT_NE(message.find("allowed are segments"), std::string::npos) << message;
  }
  EXPECT_EQ(code_of([&] { node.publisher(std::string(101, 'a')); }), Code::invalid_topic);
  EXPECT_EQ(code_of([&] { node.publisher(std::string(100, 'a')); }), Code::ok);
}

TEST_F(NodeOnABus, refuses_options_out_of_their_range) {
  Node node = this->node();
  std::string message;
  EXPECT_EQ(code_of([&] { node.publisher("a", {.history = 65}); }, &message), Code::invalid_argument);
  EXPECT_NE(message.find("history: 65 is not in 0..64"), std::string::npos) << message;
  EXPECT_EQ(code_of([&] { node.publisher("a", {.quota = 5}); }), Code::invalid_argument);
  EXPECT_EQ(code_of([&] { node.subscriber("a", {.queue = 0}); }), Code::invalid_argument);
  EXPECT_EQ(code_of([&] { node.subscriber("a", {.queue = 1025}); }), Code::invalid_argument);
  EXPECT_EQ(code_of([&] { node.region("a", {.size = 0}); }), Code::invalid_argument);
}

TEST_F(NodeWithoutABus, is_an_error_at_once_where_busd_may_not_be_started) {
  std::string message;
  EXPECT_EQ(code_of([&] { Node("n", {.bus = bus_, .autostart = false}); }, &message), Code::no_bus);
  EXPECT_NE(message.find(bus_), std::string::npos) << message;
  ::setenv("POLYBUS_AUTOSTART", "0", 1);
  EXPECT_EQ(code_of([&] { Node("n", {.bus = bus_}); }), Code::no_bus);
}

TEST_F(NodeWithoutABus, starts_busd_by_itself_and_takes_the_bus_from_the_environment) {
  ::unsetenv("POLYBUS_AUTOSTART");
  ::setenv("POLYBUS_BUSD", POLYBUS_TEST_BUSD, 1);
  ::setenv("POLYBUS_SOCKET", (folder_ + "/own.sock").c_str(), 1);
  ::setenv("POLYBUS_BUS", bus_.c_str(), 1);
  Node one("one"), two("two");
  EXPECT_EQ(one.bus(), bus_);
  auto publisher = one.publisher("a", {.history = 1});
  publisher.publish_bytes("hello");
  auto sample = two.subscriber("a").take(kPatience);
  ASSERT_TRUE(sample);
  EXPECT_EQ(text_of(sample.data()), "hello");
  const auto busd = static_cast<pid_t>(one.graph().busd_pid);
  ASSERT_GT(busd, 1);
  ::kill(busd, SIGTERM);  // it would end by itself 5 s after the last client
}

TEST_F(NodeWithoutABus, says_which_busd_could_not_be_started) {
  ::setenv("POLYBUS_BUSD", (folder_ + "/no-busd-here").c_str(), 1);
  std::string message;
  EXPECT_EQ(code_of([&] { Node("n", {.bus = bus_, .timeout = 2s, .autostart = true}); }, &message), Code::no_bus);
  EXPECT_NE(message.find("no-busd-here"), std::string::npos) << message;
}

TEST_F(NodeWithoutABus, refuses_bus_names_and_socket_paths_that_cannot_be) {
  std::string message;
  EXPECT_EQ(code_of([&] { Node("n", {.bus = "a/b"}); }), Code::invalid_argument);
  EXPECT_EQ(code_of([&] { Node("n", {.bus = std::string(65, 'b')}); }), Code::invalid_argument);
  const std::string long_path = folder_ + "/" + std::string(5000, 'x') + ".sock";
  const Code code = code_of([&] { Node("n", {.bus = bus_, .socket_path = long_path, .timeout = 2s}); }, &message);
  EXPECT_TRUE(code == Code::invalid_argument || code == Code::io || code == Code::no_bus) << message;
  EXPECT_FALSE(message.empty());
}

TEST_F(NodeWithoutABus, leaves_a_foreign_file_in_the_sockets_place_alone) {
  const std::string path = folder_ + "/taken.sock";
  std::ofstream(path) << "precious";
  ::setenv("POLYBUS_BUSD", POLYBUS_TEST_BUSD, 1);
  std::string message;
  const Code code =
      code_of([&] { Node("n", {.bus = bus_, .socket_path = path, .timeout = 3s, .autostart = true}); }, &message);
  EXPECT_NE(code, Code::ok);
  EXPECT_NE(message.find(path), std::string::npos) << message;
  std::string content;
  std::getline(std::ifstream(path), content);
  EXPECT_EQ(content, "precious");
}

TEST_F(NodeWithoutABus, names_a_folder_it_may_not_write_to) {
  std::string message;
  const Code code = code_of(  // nobody may, root neither
      [&] { Node("n", {.bus = bus_, .socket_path = "/proc/no.sock", .timeout = 2s, .autostart = true}); }, &message);
  EXPECT_TRUE(code == Code::io || code == Code::permission || code == Code::no_bus) << message;
  EXPECT_NE(message.find("/proc"), std::string::npos) << message;
}

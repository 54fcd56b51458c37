#include "tools/bus-cli/chaos/graph_check.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <polybus/polybus.hpp>

#include "tools/bus-cli/chaos/process.hpp"

namespace polybus::cli::chaos {
namespace {

using discovery::Fd;

// What a guest leaves to the others of the bus.
void forget_others(Graph& graph) {
  std::erase_if(graph.nodes, [](const GraphNode& node) { return !node.node.starts_with("chaos-"); });
  // One without ends has values that an earlier run kept, and killed could not take along.
  std::erase_if(graph.topics, [](const GraphTopic& topic) {
    return !topic.topic.starts_with("chaos/") || (topic.publishers.empty() && topic.subscribers.empty());
  });
  std::set<uint64_t> publishers;
  for (const GraphTopic& topic : graph.topics)
    for (const GraphPublisher& end : topic.publishers) publishers.insert(end.id);
  std::erase_if(graph.connections, [&](const GraphConnection& c) { return !publishers.contains(c.publisher_id); });
}

std::string compare_nodes(const Graph& graph, const ExpectedGraph& expected) {
  std::set<uint32_t> missing = expected.pids;
  for (const GraphNode& node : graph.nodes) {
    if (node.pid == static_cast<uint32_t>(::getpid())) continue;
    if (missing.erase(node.pid) == 0)
      return "leak: node " + node.node + " (pid " + std::to_string(node.pid) + ") is shown";
  }
  return missing.empty() ? "" : "pid " + std::to_string(*missing.begin()) + " is not shown";
}

std::string compare_topic(const GraphTopic& topic, uint64_t publishers, uint64_t subscribers) {
  if (topic.publishers.size() != publishers || topic.subscribers.size() != subscribers)
    return topic.topic + " has " + std::to_string(topic.publishers.size()) + " publishers and " +
           std::to_string(topic.subscribers.size()) + " subscribers, not " + std::to_string(publishers) + " and " +
           std::to_string(subscribers);
  for (const GraphPublisher& end : topic.publishers)
    if (end.loans != 0)
      return "leak: " + topic.topic + ": " + end.node + " has " + std::to_string(end.loans) + " loans";
  for (const GraphSubscriber& end : topic.subscribers)
    if (end.held != 0)
      return "leak: " + topic.topic + ": " + end.node + " holds " + std::to_string(end.held) + " samples";
  return "";
}

std::string compare(const Graph& graph, const ExpectedGraph& expected) {
  if (const std::string wrong = compare_nodes(graph, expected); !wrong.empty()) return wrong;
  uint64_t connections = 0;
  if (expected.pids.empty())
    return graph.topics.empty() ? "" : "leak: topic " + graph.topics.front().topic + " is still there";
  for (size_t i = 0; i < kTopics; ++i) {
    const auto topic = std::find_if(graph.topics.begin(), graph.topics.end(),
                                    [&](const GraphTopic& topic) { return topic.topic == kTopicNames[i]; });
    if (topic == graph.topics.end()) return std::string(kTopicNames[i]) + " is not shown";
    const std::string wrong = compare_topic(*topic, expected.publishers[i], expected.subscribers[i]);
    if (!wrong.empty()) return wrong;
    connections += expected.publishers[i] * expected.subscribers[i];
  }
  if (graph.topics.size() != kTopics) return "leak: there are " + std::to_string(graph.topics.size()) + " topics";
  if (graph.connections.size() != connections)
    return "leak: there are " + std::to_string(graph.connections.size()) + " connections, not " +
           std::to_string(connections);
  return "";
}

std::string look(const ExpectedGraph& expected, bool is_guest) {
  try {
    const Node node("chaos-audit");
    Graph graph = node.graph();
    if (is_guest) forget_others(graph);
    return compare(graph, expected);
  } catch (const std::exception& error) {
    return std::string("the graph cannot be had: ") + error.what();
  }
}

// All that comes until the other end is closed.
std::string read_all(const Fd& input, std::chrono::milliseconds bound) {
  std::string text;
  char bytes[4096];
  pollfd waiting{input.get(), POLLIN, 0};
  while (::poll(&waiting, 1, static_cast<int>(bound.count())) > 0) {
    const ssize_t got = ::read(input.get(), bytes, sizeof bytes);
    if (got <= 0) return text;
    text.append(bytes, static_cast<size_t>(got));
  }
  return "hang: a process that joined to look at the graph did not end in time";
}

}  // namespace

void drop_kept_values(const Arena& arena) {
  const std::string path = arena.write_script("nothing.capnp", "@0xb0e1c2d3a4f59a01;\nstruct Nothing {}\n");
  const pid_t pid = fork_child(arena.log_fd(), {}, [&] {
    // A publisher of another type: nobody could read its messages and the kept ones.
    try {
      Node("chaos-audit").publisher(kTopicNames[kKeptTopic], Schema::parse_file(path).at("Nothing"));
      return 0;
    } catch (const Error&) {
      return 1;  // the host has ended, say
    }
  });
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string check_graph(const Arena& arena, const ExpectedGraph& expected, std::chrono::milliseconds bound) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  const Fd input(ends[0]);
  Fd output(ends[1]);
  const pid_t pid = fork_child(arena.log_fd(), {ends[1]}, [&] {
    const std::string wrong = look(expected, arena.is_guest());
    return ::write(ends[1], wrong.data(), wrong.size()) == static_cast<ssize_t>(wrong.size()) ? 0 : 1;
  });
  output.reset();
  std::string wrong = read_all(input, bound);
  end_child(pid);
  return wrong;
}

}  // namespace polybus::cli::chaos

#include "tools/bus-cli/bus_view.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "bus/transport/stat.hpp"
#include "discovery/client/session.hpp"
#include "tools/bus-cli/bus_files.hpp"
#include "tools/bus-cli/exit_code.hpp"
#include "tools/bus-cli/glob.hpp"
#include "tools/bus-cli/suggestion.hpp"

namespace polybus::cli {
namespace {

void add_counters(End& end, const bus::StatFile* file, uint32_t slot_index) {
  if (file == nullptr || slot_index >= file->slot_count()) return;
  const bus::StatSlot& slot = file->slot(slot_index);
  const bool in_use = slot.generation.load(std::memory_order_acquire) % 2 == 1;
  if (in_use && slot.end_id == end.id) end.counters = read_counters(slot);
}

Topic topic_of(const discovery::GraphTopic& from, const bus::StatFile* file) {
  Topic topic{.name = from.topic,
              .type = from.type_name,
              .fingerprint = from.fingerprint,
              .publishers = {},
              .subscribers = {},
              .kept = from.kept_values,
              .versions = {}};
  for (const auto& version : from.versions)
    topic.versions.push_back({version.number, version.type_name, version.fingerprint, version.publishers,
                              version.subscribers, version.kept_publishers});
  for (const discovery::GraphEnd& end : from.ends) {
    End copy{.is_publisher = end.is_publisher,
             .topic = from.topic,
             .node = end.node,
             .language = end.language,
             .type = from.type_name,
             .fingerprint = from.fingerprint,
             .pid = end.pid,
             .id = end.id,
             .history = end.history,
             .queue = end.queue_depth,
             .blocking = end.blocking,
             .exclusive = end.exclusive,
             .counters = {}};
    add_counters(copy, file, end.stat_slot);
    if (!end.is_publisher) std::tie(copy.counters.lost, copy.counters.level) = std::tie(end.lost, end.waiting);
    (end.is_publisher ? topic.publishers : topic.subscribers).push_back(std::move(copy));
  }
  return topic;
}

BusView from_registry(discovery::Session& session) {
  const discovery::Graph graph = session.graph();
  const std::shared_ptr<const bus::StatFile> file = session.stat_file();
  BusView view{.bus = graph.bus, .busd_pid = graph.busd_pid, .nodes = {}, .topics = {}, .connections = {}};
  for (const discovery::GraphNode& node : graph.nodes) view.nodes.push_back({node.node, node.language, node.pid});
  for (const discovery::GraphTopic& topic : graph.topics) view.topics.push_back(topic_of(topic, file.get()));
  for (const auto& [publisher, subscriber] : graph.connections) view.connections.push_back({publisher, subscriber});
  return view;
}

End end_of(const bus::StatSlot& slot) {
  return {.is_publisher = slot.kind == 1,
          .topic = slot.topic,
          .node = slot.node,
          .language = slot.language,
          .type = slot.type_name,
          .fingerprint = slot.fingerprint,
          .pid = slot.pid,
          .id = slot.end_id,
          .history = 0,
          .queue = static_cast<uint32_t>(slot.queue_depth.load(std::memory_order_relaxed)),
          .blocking = false,
          .exclusive = false,
          .counters = read_counters(slot)};
}

// Without the registry nobody knows in which order they came.
void count_version(Topic& topic, const End& end) {
  if (end.fingerprint.empty()) return;
  auto known = std::ranges::find(topic.versions, end.fingerprint, &SchemaVersion::fingerprint);
  if (known == topic.versions.end())
    known = topic.versions.insert(known, {.number = 0, .type = end.type, .fingerprint = end.fingerprint});
  ++(end.is_publisher ? known->publishers : known->subscribers);
}

// What living processes left in the counter file of a bus whose registry is gone.
BusView from_counters(const bus::StatFile& file) {
  BusView view;
  view.bus = file.header().bus;
  std::map<std::string, Topic> topics;
  std::set<std::tuple<std::string, std::string, uint32_t>> nodes;
  for (const uint32_t index : slots_in_use(file)) {
    End end = end_of(file.slot(index));
    nodes.emplace(end.node, end.language, end.pid);
    Topic& topic = topics[end.topic];
    topic.name = end.topic;
    if (topic.type.empty() || end.is_publisher)
      std::tie(topic.type, topic.fingerprint) = std::tie(end.type, end.fingerprint);
    count_version(topic, end);
    (end.is_publisher ? topic.publishers : topic.subscribers).push_back(std::move(end));
  }
  for (const auto& [name, language, pid] : nodes) view.nodes.push_back({name, language, pid});
  for (auto& [name, topic] : topics) view.topics.push_back(std::move(topic));
  return view;
}

std::optional<BusView> without_registry(const Globals& globals) {
  for (const std::string& path : counter_file_paths(globals)) {
    try {
      const auto file = bus::StatFile::open(path, false);
      BusView view = from_counters(*file);
      if (!view.topics.empty()) return view;
    } catch (const Error&) {  // not there, or of another version
    }
  }
  return std::nullopt;
}

}  // namespace

double Topic::hz() const {
  double sum = 0;
  for (const End& end : publishers) sum += end.counters.hz;
  return sum;
}

double Topic::bytes_per_s() const {
  double sum = 0;
  for (const End& end : publishers) sum += end.counters.bytes_per_s;
  return sum;
}

uint64_t Topic::drops() const {
  uint64_t sum = 0;
  for (const End& end : subscribers) sum += end.counters.lost;
  return sum;
}

uint64_t Topic::memory_bytes() const {
  uint64_t sum = 0;
  for (const End& end : publishers) sum += end.counters.memory_bytes;
  return sum;
}

BusView look_at_bus(const Globals& globals) {
  BusView view;
  try {
    const auto session = discovery::Session::join(read_only_options(globals));
    view = from_registry(*session);
  } catch (const Error& error) {
    const Code code = error.code();
    if (code != Code::no_bus && code != Code::timeout && code != Code::disconnected) throw;
    auto left = without_registry(globals);
    if (!left) {
      throw Stop(Exit::bus_unreachable,
                 std::string(error.what()) + "; `bus-cli daemon start` starts it, and so does any program on the bus");
    }
    view = std::move(*left);
    note(globals, std::string("busd ") + (code == Code::timeout ? "does not answer" : "is not running") +
                      "; this is what its clients count");
  }
  std::ranges::sort(view.topics, {}, &Topic::name);
  return view;
}

void check_pattern(const std::string& pattern) {
  if (!is_glob(pattern)) discovery::check_topic(pattern);
}

std::vector<Topic> matching(const BusView& view, const std::string& pattern, bool hidden) {
  std::vector<Topic> found;
  const std::string wanted = pattern.empty() ? "**" : pattern;
  for (const Topic& topic : view.topics) {
    const bool shown = hidden || !is_hidden(topic.name) || is_hidden(wanted);
    if (shown && glob_match(wanted, topic.name)) found.push_back(topic);
  }
  return found;
}

std::vector<Topic> required(const BusView& view, const std::string& pattern) {
  check_pattern(pattern);
  std::vector<Topic> found = matching(view, pattern);
  if (!found.empty()) return found;
  if (is_glob(pattern)) throw Stop(Exit::not_found, "no topic matches \"" + pattern + "\" on bus " + view.bus);
  std::vector<std::string> names;
  for (const Topic& topic : view.topics) names.push_back(topic.name);
  throw Stop(Exit::not_found, "no topic \"" + pattern + "\" on bus " + view.bus + suggestion(pattern, names));
}

}  // namespace polybus::cli

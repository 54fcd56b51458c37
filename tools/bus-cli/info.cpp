// bus-cli info TOPIC
#include "tools/bus-cli/bus_view.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/json_line.hpp"
#include "tools/bus-cli/units.hpp"

namespace polybus::cli {
namespace {

JsonObject json_of(const End& end) {
  const Counters& counters = end.counters;
  JsonObject json;
  json.text("node", end.node).count("pid", end.pid).text("language", end.language);
  if (end.is_publisher) {
    json.digits("seq", counters.messages).digits("bytes", counters.bytes).digits("last_ns", counters.last_realtime_ns);
    json.number("hz", counters.hz).number("bytes_per_s", counters.bytes_per_s);
    json.count("history", end.history).boolean("exclusive", end.exclusive).count("loans", counters.level);
    json.count("subscribers", counters.peers);
    return json.count("memory_bytes", counters.memory_bytes).count("quota_bytes", counters.quota_bytes);
  }
  json.digits("taken", counters.messages).digits("drops", counters.lost);
  json.count("queue", end.queue).text("overflow", end.blocking ? "block" : "drop_oldest");
  return json.count("lag", counters.level).count("held", counters.held).count("publishers", counters.peers);
}

std::vector<JsonObject> json_of(const std::vector<End>& ends) {
  std::vector<JsonObject> list;
  list.reserve(ends.size());
  for (const End& end : ends) list.push_back(json_of(end));
  return list;
}

JsonObject json_of(const Topic& topic) {
  JsonObject line = json_line();
  line.text("topic", topic.name).text_or_null("type", topic.type).text_or_null("fingerprint", topic.fingerprint);
  line.number("hz", topic.hz()).number("bytes_per_s", topic.bytes_per_s()).digits("drops", topic.drops());
  line.count("kept", topic.kept);
  line.list("publishers", json_of(topic.publishers)).list("subscribers", json_of(topic.subscribers));
  uint64_t quota = 0, held = 0, loans = 0;
  for (const End& end : topic.publishers) {
    quota += end.counters.quota_bytes;
    loans += end.counters.level;
  }
  for (const End& end : topic.subscribers) held += end.counters.held;
  JsonObject memory;
  memory.count("bytes", topic.memory_bytes()).count("quota_bytes", quota).count("loans", loans).count("held", held);
  return line.object("memory", memory);
}

void print_text(const Topic& topic) {
  print_line(bold("topic") + "       " + topic.name);
  print_line(bold("type") + "        " +
             (!topic.type.empty()        ? topic.type
              : topic.publishers.empty() ? "no publisher yet"
                                         : "untyped"));
  if (!topic.fingerprint.empty()) print_line(bold("fingerprint") + " " + topic.fingerprint);
  print_line(bold("traffic") + "     " + hz_text(topic.hz()) + "   " + bytes_text(topic.bytes_per_s()) + "/s   " +
             std::to_string(topic.drops()) + " dropped");
  print_line(bold("memory") + "      " + bytes_text(static_cast<double>(topic.memory_bytes())) + " in pools   " +
             std::to_string(topic.kept) + " values kept of publishers that are gone");
}

void print_publishers(const Globals& globals, const Topic& topic) {
  Table table({"PUBLISHER", ">PID", "LANGUAGE", ">SEQ", ">RATE", "LAST", ">HISTORY", ">LOANS", ">MEMORY"});
  for (const End& end : topic.publishers) {
    const Counters& counters = end.counters;
    table.add({end.node, std::to_string(end.pid), end.language, std::to_string(counters.messages), hz_text(counters.hz),
               age_text(counters.last_realtime_ns), std::to_string(end.history), std::to_string(counters.level),
               bytes_text(static_cast<double>(counters.memory_bytes))});
  }
  table.print(globals);
}

void print_subscribers(const Globals& globals, const Topic& topic) {
  Table table({"SUBSCRIBER", ">PID", "LANGUAGE", ">TAKEN", ">LAG", ">QUEUE", ">HELD", ">DROPS", "OVERFLOW"});
  for (const End& end : topic.subscribers) {
    const Counters& counters = end.counters;
    table.add({end.node, std::to_string(end.pid), end.language, std::to_string(counters.messages),
               std::to_string(counters.level), std::to_string(end.queue), std::to_string(counters.held),
               std::to_string(counters.lost), end.blocking ? "block" : "drop_oldest"});
  }
  table.print(globals);
}

}  // namespace

Exit run_info(const Globals& globals, const TopicOptions& options) {
  const BusView view = look_at_bus(globals);
  bool first = true;
  for (const Topic& topic : required(view, options.pattern)) {
    if (globals.json) {
      print_line(json_of(topic).str());
      continue;
    }
    if (!first) print_line("");
    first = false;
    print_text(topic);
    print_publishers(globals, topic);
    print_subscribers(globals, topic);
  }
  return Exit::done;
}

}  // namespace polybus::cli

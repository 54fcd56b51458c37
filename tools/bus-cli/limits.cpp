// bus-cli limits: the bounds of the bus, and how much of them is used where a bus is there
#include "bus/transport/limits.hpp"

#include <optional>

#include "tools/bus-cli/bus_view.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/json_line.hpp"

namespace polybus::cli {
namespace {

struct Limit {
  std::string name;
  uint64_t bound;
  std::string per;
  std::optional<uint64_t> used = {};  // the fullest one, where it is per something
};

std::optional<BusView> view_if_there(const Globals& globals) {
  try {
    return look_at_bus(globals);
  } catch (const Stop&) {
    return std::nullopt;  // the bounds are the same without a bus
  }
}

std::vector<Limit> bounds() {
  return {{"topics", bus::kTopicsMax, "bus"},
          {"ends", bus::kEndsMax, "bus"},
          {"publishers per subscriber", bus::kPublishersPerSubscriberMax, "subscriber"},
          {"queue", bus::kQueueMax, "connection"},
          {"history", bus::kHistoryMax, "topic"},
          {"loans", bus::kLoansMax, "publisher"},
          {"held samples", bus::kHeldMax, "subscriber"},
          {"message bytes", bus::kMessageBytesMax, "message"},
          {"quota bytes", bus::kQuotaBytesDefault, "publisher, default"},
          {"topic name bytes", bus::kTopicBytesMax, "topic"},
          {"node name bytes", bus::kNodeNameBytesMax, "node"},
          {"bus name bytes", bus::kBusNameBytesMax, "bus"}};
}

void add_use(std::vector<Limit>& limits, const BusView& view) {
  uint64_t ends = 0, queue = 0, history = 0, loans = 0, held = 0, publishers = 0;
  for (const Topic& topic : view.topics) {
    ends += topic.publishers.size() + topic.subscribers.size();
    for (const End& end : topic.publishers) {
      history = std::max<uint64_t>(history, end.history);
      loans = std::max(loans, end.counters.level);
    }
    for (const End& end : topic.subscribers) {
      queue = std::max(queue, end.counters.level);
      held = std::max(held, end.counters.held);
      publishers = std::max(publishers, end.counters.peers);
    }
  }
  const std::pair<const char*, uint64_t> used[] = {{"topics", view.topics.size()},
                                                   {"ends", ends},
                                                   {"queue", queue},
                                                   {"history", history},
                                                   {"loans", loans},
                                                   {"held samples", held},
                                                   {"publishers per subscriber", publishers}};
  for (Limit& limit : limits) {
    for (const auto& [name, value] : used) {
      if (limit.name == name) limit.used = value;
    }
  }
}

}  // namespace

Exit run_limits(const Globals& globals) {
  std::vector<Limit> limits = bounds();
  if (const auto view = view_if_there(globals)) add_use(limits, *view);
  Table table({"LIMIT", ">BOUND", ">USED", "PER"});
  for (const Limit& limit : limits) {
    if (globals.json) {
      JsonObject line = json_line();
      line.text("limit", limit.name).count("bound", limit.bound).text("per", limit.per);
      print_line((limit.used ? line.count("used", *limit.used) : line.null("used")).str());
    } else {
      table.add({limit.name, std::to_string(limit.bound), limit.used ? std::to_string(*limit.used) : "-", limit.per});
    }
  }
  table.print(globals);
  return Exit::done;
}

}  // namespace polybus::cli

// bus-cli list [GLOB]
#include <algorithm>

#include "tools/bus-cli/bus_view.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/glob.hpp"
#include "tools/bus-cli/json_line.hpp"
#include "tools/bus-cli/units.hpp"

namespace polybus::cli {
namespace {

void sort_topics(std::vector<Topic>& topics, const std::string& key) {
  if (key == "hz") std::ranges::stable_sort(topics, std::greater(), &Topic::hz);
  if (key == "bw") std::ranges::stable_sort(topics, std::greater(), &Topic::bytes_per_s);
  if (key == "drops") std::ranges::stable_sort(topics, std::greater(), &Topic::drops);
}

JsonObject json_of(const Topic& topic) {
  JsonObject line = json_line();
  line.text("topic", topic.name).text_or_null("type", topic.type);
  line.count("publishers", topic.publishers.size()).count("subscribers", topic.subscribers.size());
  return line.number("hz", topic.hz()).number("bytes_per_s", topic.bytes_per_s()).digits("drops", topic.drops());
}

std::vector<Cell> row_of(const Topic& topic) {
  const double hz = topic.hz(), bytes_per_s = topic.bytes_per_s();
  return {topic.name,
          Cell(topic.type.empty() ? dim("-") : topic.type, topic.type.empty() ? "-" : topic.type),
          std::to_string(topic.publishers.size()),
          std::to_string(topic.subscribers.size()),
          Cell(hz_text(hz), plain_number(hz)),
          Cell(bytes_text(bytes_per_s) + "/s", plain_number(bytes_per_s)),
          std::to_string(topic.drops())};
}

}  // namespace

Exit run_list(const Globals& globals, const ListOptions& options) {
  if (!options.pattern.empty()) check_pattern(options.pattern);
  const BusView view = look_at_bus(globals);
  const bool exact = !options.pattern.empty() && !is_glob(options.pattern);
  std::vector<Topic> topics = exact ? required(view, options.pattern) : matching(view, options.pattern, options.hidden);
  sort_topics(topics, options.sort);
  if (options.count) {
    print_line(globals.json ? json_line().count("count", topics.size()).str() : std::to_string(topics.size()));
    return Exit::done;
  }
  if (topics.empty() && !globals.json) {
    note(globals, (options.pattern.empty() ? "no topics" : "no topic matches \"" + options.pattern + "\"") +
                      " on bus " + view.bus);
  }
  Table table({"TOPIC", "TYPE", ">PUB", ">SUB", ">RATE", ">BANDWIDTH", ">DROPS"});
  for (const Topic& topic : topics) {
    if (globals.json) {
      print_line(json_of(topic).str());
    } else {
      table.add(row_of(topic));
    }
  }
  table.print(globals);
  return Exit::done;
}

}  // namespace polybus::cli

// bus-cli type TOPIC, bus-cli find TYPE: from names to types and back
#include "tools/bus-cli/bus_view.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/glob.hpp"
#include "tools/bus-cli/json_line.hpp"

namespace polybus::cli {
namespace {

void print_types(const Globals& globals, const std::vector<Topic>& topics) {
  Table table({"TYPE", "FINGERPRINT", "TOPIC"});
  for (const Topic& topic : topics) {
    if (globals.json) {
      JsonObject line = json_line();
      line.text("topic", topic.name).text_or_null("type", topic.type);
      print_line(line.text_or_null("fingerprint", topic.fingerprint).str());
    } else {
      table.add({topic.type.empty() ? "untyped" : topic.type, topic.fingerprint.empty() ? "-" : topic.fingerprint,
                 topic.name});
    }
  }
  table.print(globals);
}

// "Imu", "imu.capnp:Imu" and patterns of either.
bool is_of_type(const Topic& topic, const std::string& wanted) {
  if (topic.type.empty()) return false;
  const size_t colon = topic.type.find(':');
  const std::string name = colon == std::string::npos ? topic.type : topic.type.substr(colon + 1);
  return glob_match(wanted, topic.type) || glob_match(wanted, name);
}

}  // namespace

Exit run_type(const Globals& globals, const TopicOptions& options) {
  print_types(globals, required(look_at_bus(globals), options.pattern));
  return Exit::done;
}

Exit run_find(const Globals& globals, const FindOptions& options) {
  const BusView view = look_at_bus(globals);
  std::vector<Topic> found;
  for (const Topic& topic : view.topics) {
    if (is_of_type(topic, options.type)) found.push_back(topic);
  }
  if (found.empty()) throw Stop(Exit::not_found, "no topic of type " + options.type + " on bus " + view.bus);
  print_types(globals, found);
  return Exit::done;
}

}  // namespace polybus::cli

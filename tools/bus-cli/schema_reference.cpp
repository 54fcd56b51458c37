#include "tools/bus-cli/schema_reference.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "discovery/client/session.hpp"
#include "tools/bus-cli/bus_files.hpp"
#include "tools/bus-cli/bus_view.hpp"
#include "tools/bus-cli/exit_code.hpp"

namespace polybus::cli {
namespace {

// Topics have no colons, and whoever calls one x.capnp can name its version.
bool is_file(const std::string& text) { return text.find(':') != std::string::npos || text.ends_with(".capnp"); }

uint32_t version_number(const std::string& text, const std::string& digits) {
  uint32_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size())
    throw Stop(Exit::usage, text + ": behind the @ comes the number of a version, as in `bus-cli schema list`");
  return number;
}

const SchemaVersion& find_version(const Topic& topic, uint32_t wanted) {
  const auto found = std::ranges::find_if(topic.versions, [&](const SchemaVersion& version) {
    return wanted == 0 ? version.fingerprint == topic.fingerprint : version.number == wanted;
  });
  if (found != topic.versions.end()) return *found;
  throw Stop(Exit::not_found, "topic " + topic.name + " has no version " + std::to_string(wanted) + "; it has " +
                                  std::to_string(topic.versions.size()) + ", see `bus-cli schema list " + topic.name +
                                  "`");
}

SchemaReference of_topic(const Globals& globals, const std::string& text) {
  const size_t sign = text.find('@');
  SchemaReference reference{.text = text, .topic = text.substr(0, sign), .version = 0, .schema = std::nullopt};
  const uint32_t wanted = sign == std::string::npos ? 0 : version_number(text, text.substr(sign + 1));
  discovery::check_topic(reference.topic);
  const Topic topic = required(look_at_bus(globals), reference.topic).front();
  if (topic.fingerprint.empty() && wanted == 0) return reference;
  const SchemaVersion& version = find_version(topic, wanted);
  reference.version = version.number;
  reference.schema = schema_by_fingerprint(globals, version.fingerprint);
  return reference;
}

}  // namespace

Schema schema_by_fingerprint(const Globals& globals, const std::string& fingerprint) {
  const auto schema = discovery::Session::join(read_only_options(globals))->schema_by_fingerprint(fingerprint);
  if (!schema) throw Stop(Exit::not_found, "the schema is not on the bus any more; its last program has left");
  return *schema;
}

SchemaReference find_schema(const Globals& globals, const std::string& text) {
  if (!is_file(text)) return of_topic(globals, text);
  return {.text = text, .topic = "", .version = 0, .schema = schema_of_file(text)};
}

SchemaReference find_typed(const Globals& globals, const std::string& text) {
  SchemaReference reference = find_schema(globals, text);
  if (!reference.schema)
    throw Stop(Exit::not_found, "topic " + reference.topic + " is untyped, or nobody has said its type yet");
  return reference;
}

Schema schema_of_file(const std::string& text) {
  const size_t colon = text.rfind(':');
  const std::string file = text.substr(0, colon);
  if (!std::ifstream(file)) throw Stop(Exit::not_found, "no file " + file);
  const SchemaFile parsed = Schema::parse_file(file);
  if (colon != std::string::npos) return parsed.at(text.substr(colon + 1));
  if (parsed.names().size() == 1) return parsed.at(parsed.names().front());
  std::string names;
  for (const std::string& name : parsed.names()) names += (names.empty() ? "" : ", ") + name;
  throw Stop(Exit::usage, "name the type, as in " + file + ":Type; there is " + names);
}

}  // namespace polybus::cli

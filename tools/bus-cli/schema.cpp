// bus-cli schema list|show|diff|check|export: what the messages of topics look like, and whether that fits
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <polybus/schema.hpp>

#include "bus/message/schema_difference.hpp"
#include "bus/message/schema_text.hpp"
#include "tools/bus-cli/bus_view.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/json_line.hpp"
#include "tools/bus-cli/schema_reference.hpp"

namespace polybus::cli {
namespace {

// ---- comparing

std::string json_texts(const bus::SchemaDifference& difference, bool is_mismatch) {
  std::string json;
  for (const auto& line : difference.lines)
    if (line.is_mismatch == is_mismatch) json += (json.empty() ? "" : ",") + json_quoted(line.text);
  return "[" + json + "]";
}

// What a refusal by busd says, and what else differs.
bus::SchemaDifference compare(const SchemaReference& here, const SchemaReference& there) {
  if (here.schema && there.schema) return bus::difference_of(*here.schema, *there.schema);
  bus::SchemaDifference difference;
  if (here.schema.has_value() == there.schema.has_value()) return difference;
  difference.mismatches = 1;
  difference.lines.push_back({true, here.schema ? "a schema here, none there" : "no schema here, one there"});
  return difference;
}

bool is_identical(const SchemaReference& here, const SchemaReference& there) { return here.schema == there.schema; }

std::string verdict(const bus::SchemaDifference& difference, bool identical) {
  if (identical) return "the same";
  if (!difference.fits()) return "they do not fit";
  return difference.notes == 0 ? "they fit: only names of types and the like differ"
                               : "they fit, each side reading what it knows";
}

void report(const Globals& globals, const SchemaReference& here, const SchemaReference& there,
            const bus::SchemaDifference& difference) {
  const bool identical = is_identical(here, there);
  if (globals.json) {
    JsonObject line = json_line();
    line.text("here", here.text).text("there", there.text);
    line.boolean("fits", difference.fits()).boolean("identical", identical);
    line.raw("mismatches", json_texts(difference, true)).raw("notes", json_texts(difference, false));
    print_line(line.str());
    return;
  }
  note(globals, "here " + here.text + ", there " + there.text + ": " + verdict(difference, identical));
  Table table({"", "DIFFERENCE"});
  for (const auto& line : difference.lines) table.add({line.is_mismatch ? "mismatch" : "note", line.text});
  table.print(globals);
  const size_t left = difference.mismatches + difference.notes - difference.lines.size();
  if (left != 0) note(globals, "and " + std::to_string(left) + " more");
}

// ---- showing

// Compiles the text that is about to be shown, to see that it means the same.
bool means(const std::string& text, const Schema& schema) {
  const int fd = ::memfd_create("schema", MFD_CLOEXEC);
  if (fd < 0) return true;  // nothing to write to is no reason to doubt it
  bool same = false;
  try {
    const auto written = ::write(fd, text.data(), text.size());
    same = written == static_cast<ssize_t>(text.size()) &&
           Schema::parse_file("/proc/self/fd/" + std::to_string(fd)).at(bus::root_name(schema)) == schema;
  } catch (const Error&) {  // it does not compile
  }
  ::close(fd);
  return same;
}

std::string checked_text(const Globals& globals, const Schema& schema) {
  std::string text = bus::schema_text(schema);
  if (!means(text, schema)) note(globals, "this text compiles to another fingerprint than " + schema.fingerprint());
  return text;
}

}  // namespace

Exit run_schema_list(const Globals& globals, const TopicOptions& options) {
  const BusView view = look_at_bus(globals);
  if (!options.pattern.empty()) (void)required(view, options.pattern);
  Table table({"TOPIC", ">VERSION", "TYPE", "FINGERPRINT", ">PUBLISHERS", ">SUBSCRIBERS"});
  for (const Topic& topic : matching(view, options.pattern)) {
    for (const SchemaVersion& version : topic.versions) {
      if (globals.json) {
        JsonObject line = json_line();
        line.text("topic", topic.name);
        version.number == 0 ? line.null("version") : line.count("version", version.number);
        line.text("type", version.type).text("fingerprint", version.fingerprint);
        line.count("publishers", version.publishers).count("subscribers", version.subscribers);
        print_line(line.count("kept_publishers", version.kept_publishers).str());
        continue;
      }
      table.add({topic.name, version.number == 0 ? "-" : std::to_string(version.number), version.type,
                 version.fingerprint, std::to_string(version.publishers), std::to_string(version.subscribers)});
    }
  }
  table.print(globals);
  return Exit::done;
}

Exit run_schema_show(const Globals& globals, const SchemaOptions& options) {
  const SchemaReference found = find_typed(globals, options.first);
  const std::string text = checked_text(globals, *found.schema);
  if (!globals.json) {
    print_bytes(text);
    return Exit::done;
  }
  JsonObject line = json_line();
  line.text_or_null("topic", found.topic);
  found.version == 0 ? line.null("version") : line.count("version", found.version);
  line.text("type", found.schema->type_name()).text("fingerprint", found.schema->fingerprint());
  print_line(line.text("capnp", text).str());
  return Exit::done;
}

Exit run_schema_diff(const Globals& globals, const SchemaOptions& options) {
  const SchemaReference here = find_schema(globals, options.first), there = find_schema(globals, options.second);
  const auto difference = compare(here, there);
  report(globals, here, there, difference);
  return difference.fits() ? Exit::done : Exit::schema_mismatch;
}

Exit run_schema_check(const Globals& globals, const SchemaOptions& options) {
  const SchemaReference here = find_typed(globals, options.first);
  const Topic topic = required(look_at_bus(globals), options.against).front();
  bool all_fit = true;
  const auto check = [&](const SchemaReference& there) {
    const auto difference = compare(here, there);
    all_fit &= difference.fits();
    report(globals, here, there, difference);
  };
  if (topic.versions.empty() && !topic.publishers.empty())
    check(find_schema(globals, options.against));  // it is untyped
  for (const SchemaVersion& version : topic.versions) {
    if (version.publishers + version.subscribers + version.kept_publishers != 0)
      check({.text = topic.name + "@" + std::to_string(version.number),
             .topic = topic.name,
             .version = version.number,
             .schema = schema_by_fingerprint(globals, version.fingerprint)});
  }
  return all_fit ? Exit::done : Exit::schema_mismatch;
}

Exit run_schema_export(const Globals& globals, const SchemaOptions& options) {
  const Schema schema = *find_typed(globals, options.first).schema;
  const auto bundle = schema.bundle();
  const std::string content = options.format == "capnp"
                                  ? checked_text(globals, schema)
                                  : std::string(reinterpret_cast<const char*>(bundle.data()), bundle.size());
  if (options.file.empty()) {
    print_bytes(content);
    return Exit::done;
  }
  std::ofstream file(options.file, std::ios::binary);
  if (!(file << content).flush()) throw Stop(Exit::condition_false, "cannot write " + options.file);
  if (globals.json) {
    JsonObject line = json_line();
    line.text("type", schema.type_name()).text("fingerprint", schema.fingerprint());
    print_line(line.text("format", options.format).text("file", options.file).count("bytes", content.size()).str());
  } else {
    note(globals, "wrote " + schema.type_name() + ", " + std::to_string(content.size()) + " bytes, to " + options.file);
  }
  return Exit::done;
}

}  // namespace polybus::cli

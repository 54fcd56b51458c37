// bus-cli pub TOPIC [VALUE]: publishes messages from JSON, or bytes
#include <capnp/message.h>
#include <capnp/serialize.h>
#include <poll.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <polybus/polybus.hpp>
#include <sstream>

#include "bus/message/json.hpp"
#include "discovery/client/session.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/interrupt.hpp"
#include "tools/bus-cli/json_line.hpp"
#include "tools/bus-cli/message_text.hpp"
#include "tools/bus-cli/schema_reference.hpp"
#include "tools/bus-cli/units.hpp"

namespace polybus::cli {
namespace {

using Clock = std::chrono::steady_clock;

// ---- what the messages mean

std::optional<Schema> schema_of_topic(const Globals& globals, const PubOptions& options) {
  if (!options.schema.empty()) return schema_of_file(options.schema);
  discovery::ConnectOptions connect;
  connect.bus = globals.bus;
  return discovery::Session::join(connect)->topic_schema(options.topic);  // the node's own session
}

// ---- where they come from

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Stop(Exit::not_found, "--file: no file " + path);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

bool is_blank(const std::string& line) { return line.find_first_not_of(" \t\r") == std::string::npos; }

// One thing to publish after the other; nothing at the end.
class Source {
 public:
  Source(const PubOptions& options, bool typed) : options_(options), typed_(typed) {
    const int given = (options.value ? 1 : 0) + (options.from_stdin ? 1 : 0) + (options.file.empty() ? 0 : 1);
    if (given != 1) throw Stop(Exit::usage, "give one of VALUE, --stdin and --file");
    if (options.value) only_ = publication_of(*options.value, typed);
    if (!options.file.empty()) only_ = from_file(read_file(options.file));
    wanted_ = options.count != 0 ? options.count : only_ && options.rate == 0 ? 1 : 0;
  }

  bool has_frame() const { return is_frame_; }
  // "line 2: " for the one given last, if there are lines.
  std::string place() const { return line_ == 0 ? "" : "line " + std::to_string(line_) + ": "; }
  bool is_done() const { return wanted_ != 0 && given_ >= wanted_; }

  std::optional<Publication> next() {
    if (is_done()) return std::nullopt;
    std::optional<Publication> publication = only_ ? only_ : next_line();
    if (publication) ++given_;
    return publication;
  }

 private:
  // A file is one message: JSON, or for those who saved it with `echo --raw` the frame itself.
  Publication from_file(std::string content) {
    const size_t first = content.find_first_not_of(" \t\r\n");
    is_frame_ = typed_ && (first == std::string::npos || content[first] != '{');
    if (is_frame_ || !typed_) return {.json = {}, .bytes = std::move(content)};
    return publication_of(content, true);
  }

  std::optional<Publication> next_line() {
    std::string line;
    while (++line_, std::getline(std::cin, line)) {
      if (!typed_ || !is_blank(line)) return publication_of(line, typed_);
    }
    return std::nullopt;
  }

  const PubOptions& options_;
  bool typed_;
  bool is_frame_ = false;
  std::optional<Publication> only_;
  uint64_t wanted_ = 0, given_ = 0;  // 0: no end
  uint64_t line_ = 0;
};

// ---- how they go

struct Result {
  uint64_t published = 0, first = 0, last = 0;
  void count(uint64_t seq) {
    if (published++ == 0) first = seq;
    last = seq;
  }
};

// Sleeps until the next one is due. False: a signal came.
bool wait_until(Clock::time_point due) {
  const auto left = std::max(Clock::duration(0), due - Clock::now());
  const timespec time{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
  pollfd interrupt{interrupt_fd(), POLLIN, 0};
  ::ppoll(&interrupt, 1, &time, nullptr);
  return !interrupted();
}

void publish_all(Source& source, const PubOptions& options, const std::function<uint64_t(const Publication&)>& publish,
                 Result& result) {
  const auto start = Clock::now();
  const std::chrono::duration<double> period(options.rate > 0 ? 1 / options.rate : 0);
  for (uint64_t i = 0; !interrupted(); ++i) {
    const auto publication = source.next();
    if (!publication) return;
    result.count(publish(*publication));
    if (options.rate > 0 && !source.is_done()) {
      wait_until(start + std::chrono::duration_cast<Clock::duration>(period * static_cast<double>(i + 1)));
    }
  }
}

void wait_for_subscribers(const PublisherBase& publisher, const PubOptions& options) {
  if (options.wait_subscribers == 0) return;
  const auto deadline =
      options.timeout.empty() ? Clock::time_point::max() : Clock::now() + parse_duration(options.timeout);
  // In slices: a signal is to be noticed.
  while (!publisher.wait_for_subscribers(options.wait_subscribers, std::chrono::milliseconds(50))) {
    if (interrupted()) return;
    if (Clock::now() < deadline) continue;
    throw Stop(Exit::timeout, "only " + std::to_string(publisher.stats().subscribers) + " of " +
                                  std::to_string(options.wait_subscribers) + " subscribers of " + options.topic +
                                  " came within " + options.timeout);
  }
}

Exit report(const Globals& globals, const PubOptions& options, const Result& result) {
  if (interrupted() && result.published == 0) return interrupted_exit(false);
  if (globals.json) {
    JsonObject line = json_line();
    line.text("topic", options.topic).count("published", result.published);
    print_line(line.digits("first_seq", result.first).digits("last_seq", result.last).str());
  } else if (!globals.quiet) {
    print_line("published " + std::to_string(result.published) +
               (result.published == 0
                    ? ""
                    : " (seq " + std::to_string(result.first) + ".." + std::to_string(result.last) + ")"));
  }
  return Exit::done;
}

template <typename PublisherType, typename Publish>
Exit run_with(const Globals& globals, const PubOptions& options, PublisherType publisher, Source& source,
              Publish publish) {
  stream_until_interrupted();
  wait_for_subscribers(publisher, options);
  Result result;
  const auto report_so_far = [&] {  // what was sent before the mistake
    if (result.published != 0) report(globals, options, result);
  };
  try {
    publish_all(
        source, options, [&](const Publication& publication) { return publish(publisher, publication); }, result);
  } catch (const Error& error) {
    report_so_far();
    throw Error(error.code(), source.place() + error.what());
  } catch (const Stop& stop) {
    report_so_far();
    throw Stop(stop.exit(), source.place() + stop.what());
  }
  return report(globals, options, result);
}

uint64_t publish_json(PublisherBase& publisher, const Schema& schema, const std::string& json) {
  capnp::MallocMessageBuilder message;
  bus::from_json(schema, json, message);
  const auto frame = capnp::messageToFlatArray(message);
  return publisher.publish_bytes(std::as_bytes(std::span(frame.begin(), frame.size())));
}

}  // namespace

Exit run_pub(const Globals& globals, const PubOptions& options) {
  polybus::Node node("bus-cli-pub", {.bus = globals.bus, .language = "bus-cli"});
  const std::optional<Schema> schema = schema_of_topic(globals, options);
  Source source(options, schema.has_value());
  const PublisherOptions publisher_options{.history = options.history};
  if (!schema) {
    return run_with(
        globals, options, node.publisher(options.topic, publisher_options), source,
        [](auto& publisher, const Publication& publication) { return publisher.publish_bytes(publication.bytes); });
  }
  return run_with(globals, options, node.publisher(options.topic, *schema, publisher_options), source,
                  [&](auto& publisher, const Publication& publication) {
                    if (source.has_frame()) return publisher.publish_bytes(publication.bytes);
                    return publish_json(publisher, *schema, publication.json);
                  });
}

}  // namespace polybus::cli

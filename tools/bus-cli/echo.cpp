// bus-cli echo TOPIC: messages as they come
#include <poll.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <polybus/polybus.hpp>
#include <set>

#include "tools/bus-cli/bus_view.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/condition.hpp"
#include "tools/bus-cli/field_path.hpp"
#include "tools/bus-cli/glob.hpp"
#include "tools/bus-cli/interrupt.hpp"
#include "tools/bus-cli/json_line.hpp"
#include "tools/bus-cli/message_text.hpp"
#include "tools/bus-cli/units.hpp"

namespace polybus::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kBatch = 1024;  // messages shown before a signal or a time-out is looked at

// What is shown of a message, and whether it is shown at all.
class Printer {
 public:
  Printer(const Globals& globals, const EchoOptions& options) : globals_(globals), raw_(options.raw) {
    for (const std::string& field : options.fields) fields_.emplace_back(field);
    if (!options.where.empty()) condition_.emplace(options.where);
  }

  // False if the condition does not hold.
  bool print(const SampleBase& sample) const {
    std::optional<std::string> msg = json_of(sample);
    if (condition_ || !fields_.empty()) {
      const Json parsed = msg ? Json::parse(*msg) : Json();
      if (condition_ && !condition_->holds(parsed)) return false;
      if (!fields_.empty() && !raw_) {
        print_fields(sample, parsed);
        return true;
      }
    }
    if (raw_) {
      print_bytes({reinterpret_cast<const char*>(sample.data().data()), sample.data().size()});
    } else if (globals_.json) {
      print_line(envelope(sample, msg));
    } else {
      print_line(msg ? *msg : bytes_for_people(sample.data()));
    }
    return true;
  }

 private:
  void print_fields(const SampleBase& sample, const Json& parsed) const {
    Json picked = Json::object();
    std::string columns;
    for (const FieldPath& field : fields_) {
      const Json* found = field.find(parsed);
      picked[field.text()] = found != nullptr ? *found : Json();
      if (&field != &fields_.front()) columns += '\t';
      columns += found != nullptr ? value_text(*found) : "null";
    }
    if (!globals_.json) return print_line(columns);
    print_line(envelope(sample, fields_.size() == 1 ? picked.begin()->dump() : picked.dump()));
  }

  const Globals& globals_;
  bool raw_;
  std::vector<FieldPath> fields_;
  std::optional<Condition> condition_;
};

// The subscribers of a topic, or of all topics that match a pattern, now and later.
class Intake {
 public:
  Intake(Node& node, const std::string& pattern, const SubscriberOptions& options)
      : node_(node), pattern_(pattern), options_(options) {
    if (!is_glob(pattern)) {
      add(pattern);
      return;
    }
    watch_.emplace(node.watch());  // before the graph, so that no topic is missed in between
    for (const GraphTopic& topic : node.graph().topics) add_if_wanted(topic.topic);
  }

  // Sleeps until something may be there, a signal came, or `timeout` is over.
  void wait(Timeout timeout) {
    std::vector<pollfd> set{{interrupt_fd(), POLLIN, 0}};
    if (watch_) set.push_back({watch_->fd(), POLLIN, 0});
    for (const auto& subscriber : subscribers_) set.push_back({subscriber->fd(), POLLIN, 0});
    const timespec left{timeout.count() / 1'000'000'000, timeout.count() % 1'000'000'000};
    ::ppoll(set.data(), set.size(), timeout < Timeout(0) ? nullptr : &left, nullptr);
    while (watch_) {
      const auto event = watch_->next(Timeout(0));
      if (!event) break;
      if (event->event == "publisher_added") add_if_wanted(event->topic);
    }
  }

  std::vector<std::unique_ptr<Subscriber<Dynamic>>>& subscribers() { return subscribers_; }
  uint64_t lost() const {
    uint64_t sum = 0;
    for (const auto& subscriber : subscribers_) sum += subscriber->lost();
    return sum;
  }
  bool has_publishers() const {
    for (const auto& subscriber : subscribers_) {
      if (subscriber->stats().publishers != 0) return true;
    }
    return false;
  }

 private:
  void add_if_wanted(const std::string& topic) {
    if (is_hidden(topic) && !is_hidden(pattern_)) return;
    if (glob_match(pattern_, topic) && !known_.contains(topic)) add(topic);
  }
  void add(const std::string& topic) {
    known_.insert(topic);
    subscribers_.push_back(std::make_unique<Subscriber<Dynamic>>(node_.subscriber(topic, options_)));
  }

  Node& node_;
  std::string pattern_;
  SubscriberOptions options_;
  std::optional<Watch> watch_;
  std::set<std::string> known_;
  std::vector<std::unique_ptr<Subscriber<Dynamic>>> subscribers_;
};

// Counts what was shown, and knows when that is enough.
struct Progress {
  uint64_t shown = 0, wanted = 0;
  std::optional<Timeout> silence;  // how long nothing may come
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();

  bool is_enough() const { return wanted != 0 && shown >= wanted; }
  void count() {
    ++shown;
    last = std::chrono::steady_clock::now();
  }
  Timeout left() const {
    if (!silence) return Timeout(-1);
    return std::max(Timeout(0), Timeout(*silence - (std::chrono::steady_clock::now() - last)));
  }
  bool is_overdue() const { return silence && left() == Timeout(0); }
};

bool print_arrivals(Intake& intake, const Printer& printer, Progress& progress) {
  bool any = false;
  for (auto& subscriber : intake.subscribers()) {
    for (int round = 0; round < kBatch && !progress.is_enough(); ++round) {
      const auto sample = subscriber->take();
      if (!sample) break;
      any = true;
      if (printer.print(*sample)) progress.count();
    }
  }
  flush_output();
  return any;
}

// The newest of all topics that match.
void print_latest(Intake& intake, const Printer& printer, Progress& progress) {
  std::optional<polybus::Sample<polybus::Dynamic>> newest;
  for (auto& subscriber : intake.subscribers()) {
    auto sample = subscriber->latest();
    if (sample && (!newest || sample->info().published_ns >= newest->info().published_ns)) newest = std::move(sample);
    while (subscriber->take()) continue;  // let the descriptor sleep again
  }
  if (newest && printer.print(*newest)) progress.count();
  flush_output();
}

Exit finish(const Globals& globals, const Intake& intake, const Progress& progress) {
  if (const uint64_t lost = intake.lost(); lost != 0) {
    note(globals, std::to_string(lost) + " messages came faster than they could be shown, and were dropped here");
  }
  if (progress.is_enough()) return Exit::done;
  if (interrupted() && (progress.shown == 0 || progress.wanted == 0)) return interrupted_exit(progress.shown != 0);
  return progress.shown != 0 && progress.wanted == 0 ? Exit::done : Exit::timeout;
}

}  // namespace

Exit run_echo(const Globals& globals, const EchoOptions& options) {
  check_pattern(options.pattern);
  const Printer printer(globals, options);
  Progress progress{.wanted = options.latest ? 1 : options.count, .silence = {}};
  if (!options.timeout.empty()) progress.silence = parse_duration(options.timeout);

  polybus::Node node("bus-cli-echo", {.bus = globals.bus, .language = "bus-cli"});
  Intake intake(node, options.pattern, {.queue = 1024});
  stream_until_interrupted();
  bool told = false;
  while (!progress.is_enough() && !interrupted()) {
    bool any = false;
    if (options.latest) {
      print_latest(intake, printer, progress);
    } else {
      any = print_arrivals(intake, printer, progress);
    }
    if (progress.is_overdue()) break;
    if (any) continue;
    if (!told && !intake.has_publishers()) note(globals, "waiting for a publisher of " + options.pattern);
    told = true;
    intake.wait(progress.left());
  }
  return finish(globals, intake, progress);
}

}  // namespace polybus::cli

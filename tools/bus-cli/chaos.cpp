// bus-cli chaos: kills and stops programs on a bus of its own, or as a guest on another, and proves that nobody else is harmed
#include <poll.h>

#include <algorithm>
#include <optional>
#include <random>
#include <thread>

#include "tools/bus-cli/bus_files.hpp"
#include "tools/bus-cli/chaos/audit.hpp"
#include "tools/bus-cli/chaos/graph_check.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/interrupt.hpp"
#include "tools/bus-cli/units.hpp"

namespace polybus::cli {
namespace {

using namespace chaos;
using namespace std::chrono_literals;
using Clock = Crew::Clock;

constexpr auto kAttendEvery = 2ms;
constexpr auto kStrokePatience = 1s;  // for a victim that is at work
constexpr uint64_t kKillsPerAudit = 1000;

uint64_t random_seed() { return std::random_device{}(); }

Sabotage sabotage_of(const std::string& name) {
  const auto found = std::find(kSabotages.begin(), kSabotages.end(), name);
  return found == kSabotages.end() ? Sabotage::none
                                   : static_cast<Sabotage>(1 + static_cast<uint64_t>(found - kSabotages.begin()));
}

// The bus that was named: somebody must be there, for a busd that this run started there others might come to need.
std::optional<Host> host_of(const Globals& globals) {
  if (globals.bus.empty()) return std::nullopt;
  for (const std::string& socket : socket_paths(globals))
    if (listening_pid(socket) > 0) return Host{bus_name(globals), socket};
  throw Stop(Exit::bus_unreachable,
             "there is no bus " + bus_name(globals) + " to be a guest on; without --bus chaos makes one of its own");
}

class Run {
 public:
  Run(const Globals& globals, const ChaosOptions& options, Report& report)
      : globals_(globals),
        options_(options),
        bound_(std::chrono::duration_cast<std::chrono::milliseconds>(parse_duration(options.bound))),
        arena_(host_of(globals)),
        board_(Crew::places()),
        plan_(report.seed, options.kills == 0, arena_.is_guest()),
        report_(report),
        crew_(arena_, board_, plan_, report, interpreters(globals), {sabotage_of(options.sabotage), options.sabotaged},
              bound_),
        audit_(arena_, board_, crew_, report, bound_) {}

  void go() {
    if (arena_.is_guest()) {
      if (const std::string there = check_graph(arena_, {}, bound_); !there.empty())
        throw Stop(Exit::condition_false, "another chaos is a guest on this bus: " + there);
    }
    crew_.fill(false);
    if (!await_first() || !audit_.run()) return;
    const auto until = Clock::now() + parse_duration(options_.duration);
    while (goes_on() && report_.total_kills() < options_.kills) {
      const uint64_t next = std::min(options_.kills, report_.total_kills() + kKillsPerAudit);
      storm_until(next);
      if (goes_on() && !audit_.run()) return;
      if (goes_on()) note(globals_, std::to_string(report_.total_kills()) + " kills, all is well");
    }
    while (goes_on() && Clock::now() < until) attend();
    if (goes_on() && parse_duration(options_.duration) != 0s && !audit_.run()) return;
    if (goes_on()) leave();
  }

  std::string log_text() const { return arena_.log_text(); }

 private:
  bool goes_on() const { return report_.findings.empty() && !interrupted(); }

  Crew::Interpreters interpreters(const Globals& globals) {
    Crew::Interpreters started;
    const auto note_if_missing = [&](const auto& interpreter, const char* language, const std::string& why_not) {
      if (interpreter != nullptr) return;
      report_.skipped.push_back(std::string(language) + " (" + why_not + ")");
      note(globals, "no " + report_.skipped.back() + "; C++ takes its place");
    };
    std::string why_not;
    started.python = start_python(arena_, board_, options_.python, &why_not);
    note_if_missing(started.python, "Python", why_not);
    started.node = start_node(arena_, board_, options_.node, &why_not);
    note_if_missing(started.node, "Node.js", why_not);
    return started;
  }

  bool await_first() {
    // Newcomers come with the audit, so all but one.
    while (goes_on() && !crew_.is_busy()) attend();
    return goes_on();
  }

  void attend() {
    crew_.attend();
    std::this_thread::sleep_for(kAttendEvery);
  }

  void storm_until(uint64_t kills) {
    const auto begin = Clock::now();
    while (goes_on() && report_.total_kills() < kills) {
      const Stroke stroke = plan_.next();
      const auto due = Clock::now() + std::chrono::microseconds(stroke.pause_us);
      do attend();
      while (goes_on() && Clock::now() < due);
      const auto deadline = Clock::now() + kStrokePatience;
      while (goes_on() && !crew_.strike(stroke) && Clock::now() < deadline) attend();
    }
    report_.storm_s += std::chrono::duration<double>(Clock::now() - begin).count();
  }

  // All go home, busd is told to, and nothing may be left.
  void leave() {
    crew_.disband();
    board_.direct(Phase::leave);
    const auto deadline = Clock::now() + bound_;
    while (crew_.alive() != 0 && goes_on()) {
      attend();
      if (Clock::now() > deadline) return report_.find("hang: " + crew_.anybody() + " does not leave");
    }
    crew_.end_interpreters();
    for (const std::string& left : arena_.close_bus(static_cast<int>(bound_.count()))) report_.find("leak: " + left);
    for (const std::string& left : crew_.wait_for_all(bound_)) report_.find("leak: " + left);
    if (arena_.is_guest()) leave_host(deadline);
  }

  // Whose busd goes on, and may still be about to clear away what was ours.
  void leave_host(Clock::time_point deadline) {
    std::string left;
    while (!(left = check_graph(arena_, {}, bound_)).empty()) {
      if (Clock::now() > deadline) return report_.find(left);
      std::this_thread::sleep_for(kAttendEvery);
    }
    drop_kept_values(arena_);
  }

  const Globals& globals_;
  const ChaosOptions& options_;
  const std::chrono::milliseconds bound_;
  Arena arena_;
  Board board_;
  Plan plan_;
  Report& report_;
  Crew crew_;
  Audit audit_;
};

}  // namespace

Exit run_chaos(const Globals& globals, const ChaosOptions& options) {
  stream_until_interrupted();
  adopt_orphans();
  Report report;
  report.seed = options.seed ? *options.seed : random_seed();
  note(globals, "seed " + std::to_string(report.seed));
  std::string log;
  {
    Run run(globals, options, report);
    run.go();
    log = run.log_text();
    report.is_interrupted = interrupted();
  }
  if (!report.findings.empty() && !log.empty()) note(globals, "what the workers wrote:\n" + log);
  report.print(globals);
  flush_output();
  if (!report.findings.empty()) return Exit::condition_false;
  return interrupted() ? interrupted_exit(false) : Exit::done;
}

}  // namespace polybus::cli

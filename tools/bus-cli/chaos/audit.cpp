#include "tools/bus-cli/chaos/audit.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "tools/bus-cli/chaos/graph_check.hpp"
#include "tools/bus-cli/interrupt.hpp"

namespace polybus::cli::chaos {
namespace {

using namespace std::chrono_literals;

bool has(uint64_t topics, size_t topic) { return (topics >> topic & 1) != 0; }

}  // namespace

// The first burst is not counted: a message after a restart of busd tells how many were missed before it, so after that
// everybody knows.
bool Audit::run() {
  busd_ = 0;
  crew_.let_all_run();
  board_.direct(Phase::quiet);
  crew_.fill(true);
  const bool is_clean =
      await("all are connected", [this] { return all_connected(); }) &&
      direct(Phase::burst, "every publisher was heard", [] { return ""; }) &&
      direct(Phase::drain, "all queues are empty", [] { return ""; }) &&
      direct(Phase::burst, "every message is received or counted", [this] { return all_accounted(kBurst, 0); }) &&
      direct(Phase::last, "every message is received or counted", [this] { return all_accounted(kBurst, 1); }) &&
      direct(Phase::room, "every chunk is free", [this] { return all_have_room(); }) &&
      await("the graph shows who is there", [this] { return graph_is_right(); }) &&
      await("nobody has more open than at first", [this] { return no_footprint_grew(); });
  if (is_clean) {
    ++report_.audits;
    has_first_ = true;
  }
  crew_.dismiss_newcomer();
  board_.direct(Phase::storm);
  return is_clean;
}

bool Audit::direct(Phase phase, const std::string& what, const Check& check) {
  if (phase == Phase::burst) note_accounts();
  board_.direct(phase);
  return await(what, [&] {
    const std::string late = all_through();
    return late.empty() ? check() : late;
  });
}

bool Audit::await(const std::string& what, const Check& check) {
  const auto deadline = Crew::Clock::now() + bound_;
  for (;;) {
    crew_.attend();
    const std::string missing = check();
    if (missing.empty()) return true;
    if (interrupted() || !report_.findings.empty()) return false;
    if (Crew::Clock::now() > deadline) {
      report_.find("audit: waited in vain until " + what + ": " + missing);
      return false;
    }
    std::this_thread::sleep_for(1ms);
  }
}

std::string Audit::all_through() const {
  for (size_t place = 0; place < Crew::places(); ++place)
    if (crew_.is_there(place) && board_.slot(place).deeds.done != board_.word())
      return crew_.name(place) + " is not through with it";
  return "";
}

uint64_t Audit::publishers_of(size_t topic, bool newcomer) const {
  uint64_t count = 0;
  for (size_t place = 0; place < Crew::places(); ++place) {
    const Role role = crew_.role(place);
    count += has(role.publishes, topic) && role.is_newcomer == newcomer ? 1 : 0;
  }
  return count;
}

std::string Audit::all_connected() const {
  if (!crew_.all_ready()) return "not everybody is at work";
  if (const std::string late = all_through(); !late.empty()) return late;
  for (size_t topic = 0; topic < kTopics; ++topic) {
    const uint64_t publishers = publishers_of(topic, false) + publishers_of(topic, true);
    uint64_t subscribers = 0;
    for (size_t place = 0; place < Crew::places(); ++place)
      subscribers += has(crew_.role(place).subscribes, topic) ? 1 : 0;
    for (size_t place = 0; place < Crew::places(); ++place) {
      const Deeds& deeds = board_.slot(place).deeds;
      const std::string where = crew_.name(place) + " on " + kTopicNames[topic] + " has ";
      if (has(crew_.role(place).publishes, topic) && deeds.subscribers[topic] != subscribers)
        return where + std::to_string(deeds.subscribers[topic]) + " of " + std::to_string(subscribers) + " subscribers";
      if (has(crew_.role(place).subscribes, topic) && deeds.publishers[topic] != publishers)
        return where + std::to_string(deeds.publishers[topic]) + " of " + std::to_string(publishers) + " publishers";
    }
  }
  return "";
}

uint64_t Audit::accounted(size_t place, size_t topic) const {
  const Deeds& deeds = board_.slot(place).deeds;
  return deeds.received[topic] + deeds.lost[topic];
}

void Audit::note_accounts() {
  before_.assign(Crew::places(), {});
  for (size_t place = 0; place < Crew::places(); ++place)
    for (size_t topic = 0; topic < kTopics; ++topic) before_[place][topic] = accounted(place, topic);
}

std::string Audit::all_accounted(uint64_t of_each, uint64_t of_newcomer) const {
  for (size_t place = 0; place < Crew::places(); ++place) {
    for (size_t topic = 0; topic < kTopics; ++topic) {
      if (!has(crew_.role(place).subscribes, topic)) continue;
      const uint64_t sent = publishers_of(topic, false) * of_each + publishers_of(topic, true) * of_newcomer;
      const uint64_t found = accounted(place, topic) - before_[place][topic];
      if (found != sent)
        return "loss: " + crew_.name(place) + " on " + kTopicNames[topic] + ": " + std::to_string(sent) +
               " messages were sent, " + std::to_string(found) + " received or counted as lost";
    }
  }
  return "";
}

std::string Audit::all_have_room() const {
  for (size_t place = 0; place < Crew::places(); ++place) {
    const Role role = crew_.role(place);
    if (!has(role.publishes, 0) || role.is_newcomer) continue;  // what the newcomer sent last is everybody's latest
    if (board_.slot(place).deeds.room == 0)
      return "leak: not all memory of the publisher in " + crew_.name(place) + " is free";
  }
  return "";
}

std::string Audit::no_footprint_grew() {
  // Asked once: each question is a connection to busd, and costs it a descriptor for a moment.
  if (busd_ == 0) busd_ = arena_.busd_pid();
  std::map<std::string, pid_t> whose;
  if (!arena_.is_guest()) whose["busd"] = busd_;  // others' comings and goings are in a host's
  for (size_t place = 0; place < Crew::places(); ++place)
    if (!crew_.role(place).is_victim) whose[crew_.name(place)] = crew_.pid(place);
  std::this_thread::sleep_for(has_first_ ? 20ms : 200ms);  // so that nothing that is only closing is counted
  for (const auto& [name, pid] : whose) {
    const Footprint now = footprint_of(pid);
    if (!has_first_) first_[name] = now;
    Footprint& first = first_[name];
    for (const auto& [kind, count] : now)
      if (count > first[kind])
        return "leak: " + name + " has " + std::to_string(count) + " times a " + kind + ", at first " +
               std::to_string(first[kind]);
  }
  return "";
}

// By a process that joins for it, which shows at the same time that one can.
std::string Audit::graph_is_right() {
  ExpectedGraph expected;
  for (size_t place = 0; place < Crew::places(); ++place) {
    expected.pids.insert(static_cast<uint32_t>(crew_.pid(place)));
    for (size_t topic = 0; topic < kTopics; ++topic) {
      const Role role = crew_.role(place);
      expected.publishers[topic] += has(role.publishes, topic) ? 1 : 0;
      expected.subscribers[topic] += has(role.subscribes, topic) ? 1 : 0;
    }
  }
  return check_graph(arena_, expected, bound_);
}

}  // namespace polybus::cli::chaos

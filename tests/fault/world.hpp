// A bus with others on it, whom a process that is stopped or killed must not harm.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/fault/fault_plan.hpp"
#include "tests/fault/pace.hpp"
#include "tests/unit/discovery/busd_process.hpp"

namespace polybus::fault {

using namespace discovery;
using namespace discovery::testing_support;

// Blocks that are in use get more of their pages touched as time goes by; a block that is left behind each time is far more.
constexpr uint64_t kBookSlackBytes = 128 << 10;

// How a victim ended, or that it stands still.
struct Fate {
  enum Kind { exited, killed, stopped, late } kind = late;
  int number = 0;  // exit code or signal
};
// Waits until the process ended or stopped.
Fate fate_of(pid_t pid);
// Of a child that nobody has waited for.
bool has_ended(pid_t pid);

class World : public BusdTest {
 protected:
  explicit World(bool start = true) : BusdTest(start) {}
  ~World() override;  // prints how long probes took

  // ---- victims
  // Forks a process that runs `script` by the plan. 0 is well.
  static std::unique_ptr<Child> victim(const Plan& plan, const std::function<int()>& script);
  // Runs it without harm, and tells which points it passed.
  std::vector<Passed> rehearse(const std::function<int()>& script);
  // Part `part` of `parts` of all points of the sources but those that `is_elsewhere` says: a script must pass the others
  // and no more. Is stopped or killed at each of them the first time and half way; `check` has the victim as it stands or
  // lies. Prints how many.
  using IsElsewhere = std::function<bool(const std::string& point)>;
  void at_every_point(const std::function<int()>& script, int signal, unsigned part, unsigned parts,
                      const IsElsewhere& is_elsewhere,
                      const std::function<void(Child& victim, const Plan& plan)>& check);

  // ---- those who must go on: this process and a peer, connected to each other both ways on topic "shared"
  void open_world();
  void close_world();
  // Until both hear both, by what busd says; after a restart of it.
  void await_connections();
  // Probes: within a second as this machine gives it to others (pace.hpp). Whether they still exchange messages over the
  // connections they have.
  void expect_traffic();
  // ... and are served by busd.
  void expect_service();

  // What came from victims would keep their connections.
  void take_what_is_left() const;

  long busd_fds() const;
  // Memory of busd's book: blocks are given back to the system when they are free.
  uint64_t book_bytes() const;

  // All a client can do, once: joins, publishes and subscribes on a topic of its own and on "shared", outgrows its memory, is
  // held up, parts and leaves.
  int live_a_life(bool autostart = false) const;

  Member witness;
  std::shared_ptr<PublisherEnd> publisher;
  std::shared_ptr<SubscriberEnd> subscriber;
  std::shared_ptr<SubscriberEnd> blocked;  // asked to block and never takes
  std::unique_ptr<Child> peer;
  unsigned pings = 0;

 private:
  std::vector<Passed> points_of_part(const std::function<int()>& script, unsigned part, unsigned parts,
                                     const IsElsewhere& is_elsewhere);
  void probe(const char* what, const std::function<void()>& exchange);
  void exchange_messages();
  void be_served();

  Pace pace_;
  std::vector<Clock::duration> probes_;
};

}  // namespace polybus::fault

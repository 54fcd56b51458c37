// The workers of a run: a place for each, filled anew when its process was killed.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/bus-cli/chaos/interpreter.hpp"
#include "tools/bus-cli/chaos/plan.hpp"
#include "tools/bus-cli/chaos/report.hpp"
#include "tools/bus-cli/chaos/sabotage.hpp"

namespace polybus::cli::chaos {

class Crew {
 public:
  using Clock = std::chrono::steady_clock;
  struct Interpreters {
    std::unique_ptr<Interpreter> python, node;  // null: not there
  };

  Crew(Arena& arena, Board& board, Plan& plan, Report& report, Interpreters interpreters, SabotageOrder sabotage,
       std::chrono::milliseconds bound);
  // Kills whoever is left.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  static size_t places();

  // Fills every place; newcomers only if asked for.
  void fill(bool with_newcomer);
  // Waits for ends of processes, fills places, ends stops, notices who makes no progress. At least once a few milliseconds.
  void attend();
  // False: there is nobody to do it to just now.
  bool strike(const Stroke& stroke);
  // Ends all stops.
  void let_all_run();
  void dismiss_newcomer();
  // No place is filled any more; workers that end in good order do as they are told.
  void disband();

  bool is_there(size_t place) const { return members_[place].pid != 0; }
  Role role(size_t place) const;
  pid_t pid(size_t place) const { return members_[place].pid; }
  size_t alive() const;
  bool all_ready() const;
  // The same without newcomers.
  bool is_busy() const;
  // Somebody who is there, for a message.
  std::string anybody() const;
  std::string name(size_t place) const;
  void end_interpreters();
  // Waits until no process of this run is left; names those that stay.
  std::vector<std::string> wait_for_all(std::chrono::milliseconds patience);

 private:
  struct Member {
    pid_t pid = 0;             // 0: none, or it did not say yet
    bool is_expected = false;  // started; `pid` comes
    bool is_killed = false;    // by us
    Clock::time_point moved;   // when it last made progress, or was not to
    uint64_t moves = 0;
    bool has_complained = false, is_hung = false;
    std::optional<Clock::time_point> stopped_until;
  };
  struct Busd {
    pid_t pid = 0;
    std::optional<Clock::time_point> stopped_until;
  };

  void start(size_t place);
  void collect_dead();
  void on_death(size_t place, int status);
  void on_stranger_death(pid_t pid, int status);
  void watch_progress(size_t place);
  void end_stops();
  bool strike_busd(const Stroke& stroke);
  std::optional<size_t> choose(const Stroke& stroke) const;
  static bool is_at_work(const Member& member) { return member.pid != 0 && !member.is_killed; }
  bool is_ready(size_t place) const;
  Language language_there(Language language) const;
  Interpreter* interpreter(Language language) const;
  void note_new_pids();

  Arena& arena_;
  Board& board_;
  Plan& plan_;
  Report& report_;
  Interpreters interpreters_;
  const SabotageOrder sabotage_;
  const std::chrono::milliseconds bound_;
  std::vector<Member> members_;
  std::set<pid_t> killed_busds_;
  Busd busd_;
  bool disbanded_ = false;
};

}  // namespace polybus::cli::chaos

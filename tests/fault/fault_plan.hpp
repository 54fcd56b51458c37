// What a process does at its fault points: nothing, write their names down, or stop or kill itself at one of them.
#pragma once

#include <csignal>
#include <string>
#include <utility>
#include <vector>

namespace polybus::fault {

struct Plan {
  std::string point;   // empty: none
  unsigned hit = 1;    // the how many-eth time it is reached
  int signal = 0;      // SIGSTOP or SIGKILL
  std::string record;  // a file to which the name of each point is appended as it is reached; empty: none
};

inline Plan recording(std::string path) { return {{}, 1, 0, std::move(path)}; }
inline Plan at_point(std::string point, int signal, unsigned hit = 1) { return {std::move(point), hit, signal, {}}; }

// For this process, before it has threads.
void arm(const Plan& plan);

// A process gets its plan in POLYBUS_TEST_FAULT as "point:hit:signal:record".
std::string to_text(const Plan& plan);
Plan from_text(const std::string& text);

// A step of a scenario and how often it was reached, in the order of the first time.
struct Passed {
  std::string point;
  unsigned count = 0;
};
std::vector<Passed> read_record(const std::string& path);

// The names of all points that the sources have.
std::vector<std::string> points_of_the_sources();

}  // namespace polybus::fault

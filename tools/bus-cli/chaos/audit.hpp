// Every now and then all is quiet, and nothing may be missing: messages, memory, connections, descriptors, names.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tools/bus-cli/chaos/crew.hpp"
#include "tools/bus-cli/chaos/process.hpp"

namespace polybus::cli::chaos {

class Audit {
 public:
  Audit(Arena& arena, Board& board, Crew& crew, Report& report, std::chrono::milliseconds bound)
      : arena_(arena), board_(board), crew_(crew), report_(report), bound_(bound) {}

  // Stops the storm, proves, and lets it go on. The first one is what later ones are compared with. False: interrupted, or
  // what was waited for did not come, which is then among the findings.
  bool run();

 private:
  using Check = std::function<std::string()>;  // empty: so it is; else what is missing

  bool direct(Phase phase, const std::string& what, const Check& check);
  bool await(const std::string& what, const Check& check);
  std::string all_through() const;
  std::string all_connected() const;
  std::string all_accounted(uint64_t of_each, uint64_t of_newcomer) const;
  std::string all_have_room() const;
  std::string no_footprint_grew();
  std::string graph_is_right();
  uint64_t accounted(size_t place, size_t topic) const;
  uint64_t publishers_of(size_t topic, bool newcomer) const;
  void note_accounts();

  Arena& arena_;
  Board& board_;
  Crew& crew_;
  Report& report_;
  const std::chrono::milliseconds bound_;
  std::vector<std::array<uint64_t, kTopics>> before_;
  std::map<std::string, Footprint> first_;  // by whose
  bool has_first_ = false;
  pid_t busd_ = 0;
};

}  // namespace polybus::cli::chaos

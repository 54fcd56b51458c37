// Workers in languages whose start takes long: kept warm, so that a kill a moment is possible.
#pragma once

#include <memory>
#include <string>

#include "tools/bus-cli/chaos/arena.hpp"
#include "tools/bus-cli/chaos/board.hpp"

namespace polybus::cli::chaos {

class Interpreter {
 public:
  virtual ~Interpreter() = default;
  // Starts a worker in the slot. Its process, or 0: the worker itself tells the board.
  virtual pid_t start_worker(size_t slot) = 0;
  // Its own processes, that are no workers.
  virtual bool is_own(pid_t pid) const = 0;
};

// Python imports the package once and forks. Null, with the reason, where `program` cannot import it.
std::unique_ptr<Interpreter> start_python(const Arena& arena, const Board& board, const std::string& program,
                                          std::string* why_not);
// Node.js cannot fork: one process more than needed is always there.
std::unique_ptr<Interpreter> start_node(const Arena& arena, const Board& board, const std::string& program,
                                        std::string* why_not);

}  // namespace polybus::cli::chaos

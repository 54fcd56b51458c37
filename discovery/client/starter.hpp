// Starting busd where there is none. Many processes may want to at once, and any of them may be stopped or killed at any point
// of it: nobody waits for another longer than a second.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "discovery/protocol/bus_files.hpp"
#include "discovery/protocol/lock_file.hpp"

namespace polybus::discovery {

class Starter {
 public:
  using Clock = std::chrono::steady_clock;

  Starter(std::string bus, const BusFiles& files) : bus_(std::move(bus)), files_(files) {}
  ~Starter() { end_turn(); }
  Starter(const Starter&) = delete;
  Starter& operator=(const Starter&) = delete;

  // Whether it is our turn to start; otherwise somebody else is at it, and the bus is worth another look.
  bool is_our_turn();
  // Starts busd and waits until it listens, or another one turns out to serve the bus. Throws what busd says, NO_BUS,
  // TIMEOUT.
  void start(Clock::time_point deadline);

 private:
  void start_busd(const std::string& program, Clock::time_point deadline);
  // The file goes with the turn: it would lie about for ever where no busd comes up.
  void end_turn() noexcept {
    if (lock_) lock_->remove();
    lock_.reset();
  }

  std::string bus_;
  BusFiles files_;
  std::optional<Clock::time_point> waiting_since_;
  std::optional<LockFile> lock_;
};

}  // namespace polybus::discovery

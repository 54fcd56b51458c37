// How bus-cli ends: one list, the same for every command (docs/cli.md).
#pragma once

#include <polybus/error.hpp>
#include <stdexcept>
#include <string>

namespace polybus::cli {

enum class Exit : int {
  done = 0,
  condition_false = 1,  // it ran, and what was asked is not so
  usage = 2,
  not_found = 3,
  timeout = 4,
  schema_mismatch = 5,
  bus_unreachable = 6,
  permission = 7,
  out_of_resources = 8,
  corrupt = 9,
  interrupted = 130,  // SIGINT before any result
  terminated = 143,   // SIGTERM before any result
};

// What an error of the library means to a shell.
Exit exit_of(Code code) noexcept;

// Ends a command with a code and a line on stderr (none if the message is empty).
class Stop : public std::runtime_error {
 public:
  Stop(Exit exit, const std::string& message) : std::runtime_error(message), exit_(exit) {}
  Exit exit() const noexcept { return exit_; }

 private:
  Exit exit_;
};

}  // namespace polybus::cli

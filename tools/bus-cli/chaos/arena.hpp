// The bus of a run: a name, a folder and a busd of its own, and nothing left of them afterwards; or the bus of others, on which
// the run is a guest.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "discovery/protocol/fd.hpp"

namespace polybus::cli::chaos {

// A bus of others: its busd is neither started, stopped, killed nor ended.
struct Host {
  std::string bus, socket;
};

class Arena {
 public:
  // Makes the folder, and lets every program started from here on use the bus in it, or the host's. A second process clears away
  // what is there should this one be killed. Throws Stop.
  explicit Arena(const std::optional<Host>& host);
  // Ends a busd of its own and removes everything.
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  bool is_guest() const noexcept { return is_guest_; }
  const std::string& folder() const noexcept { return folder_; }
  // Where workers write what they have to say.
  int log_fd() const noexcept { return log_.get(); }
  std::string log_text() const;
  // Makes a file for workers to run.
  std::string write_script(const std::string& name, const std::string& text) const;

  pid_t janitor() const noexcept { return janitor_; }
  // 0: there is none just now.
  pid_t busd_pid() const;
  // Ends a busd of its own in good order, which takes everything of it along; names what it left behind.
  std::vector<std::string> close_bus(int patience_ms);

 private:
  void start_janitor();

  const bool is_guest_;
  std::string folder_, socket_;
  discovery::Fd log_;
  discovery::Fd janitor_pipe_;
  pid_t janitor_ = 0;
};

}  // namespace polybus::cli::chaos

// The bus of a run: a name, a folder and a busd of its own, and nothing left of them afterwards.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "discovery/protocol/fd.hpp"

namespace polybus::cli::chaos {

class Arena {
 public:
  // Makes the folder, and lets every program started from here on use the bus in it. A second process clears away what is there
  // should this one be killed. Throws Stop.
  Arena();
  // Ends busd and removes everything.
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  const std::string& folder() const noexcept { return folder_; }
  // Where workers write what they have to say.
  int log_fd() const noexcept { return log_.get(); }
  std::string log_text() const;
  // Makes a file for workers to run.
  std::string write_script(const std::string& name, const std::string& text) const;

  pid_t janitor() const noexcept { return janitor_; }
  // 0: there is none just now.
  pid_t busd_pid() const;
  // Ends busd in good order, which takes everything of it along; names what it left behind.
  std::vector<std::string> close_bus(int patience_ms);

 private:
  void start_janitor();

  std::string folder_, socket_;
  discovery::Fd log_;
  discovery::Fd janitor_pipe_;
  pid_t janitor_ = 0;
};

}  // namespace polybus::cli::chaos

// What a test starts and makes goes with the test program, also where that is killed: processes by the kernel's word that the
// parent died, files by a janitor that outlives it.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <system_error>

namespace polybus::lifetime {

// Said by a child right after the fork: `signal` comes when `parent` (or its thread that forked) ends. Stays so over exec.
inline void end_with(pid_t parent, int signal) noexcept {
  ::prctl(PR_SET_PDEATHSIG, signal);
  if (::getppid() != parent) ::raise(signal);  // it died before the word took effect
}

// A process of its own session that waits until this one, and all it forked, are gone. Then it clears away what it was told of.
class Janitor {
 public:
  using Clear = std::function<void(const std::string& path)>;

  explicit Janitor(const Clear& clear) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    const pid_t between = ::fork();
    if (between == 0) {
      if (::fork() == 0) {
        ::setsid();
        ::dup2(ends[0], 0);
        ::close_range(1, ~0U, 0);
        ::alarm(0);
        wait_and_clear(clear);
      }
      ::_exit(0);  // so that it is nobody's child here
    }
    while (::waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
    }
    ::close(ends[0]);
    pipe_ = ends[1];
  }
  // Less than PIPE_BUF, so that words of several processes do not mix.
  void note(char what, const std::string& path) const {
    const std::string line = what + path + "\n";
    [[maybe_unused]] const ssize_t written = ::write(pipe_, line.data(), line.size());
  }

 private:
  static void wait_and_clear(const Clear& clear) {
    std::string said;
    char words[4096];
    for (ssize_t got = 0; (got = ::read(0, words, sizeof words)) != 0;) {
      if (got > 0)
        said.append(words, static_cast<size_t>(got));
      else if (errno != EINTR)
        break;
    }
    std::set<std::string> there;
    std::istringstream lines(said);
    for (std::string line; std::getline(lines, line);)
      line[0] == '+' ? (void)there.insert(line.substr(1)) : (void)there.erase(line.substr(1));
    if (there.empty()) return;
    ::usleep(300'000);  // daemons that were told to end remove their own files, and make none
    for (const std::string& path : there) clear(path);
  }

  int pipe_ = -1;
};

// '+': a folder was made that is to go with this process; '-': it is gone.
inline void note_folder(char what, const std::string& path) {
  static const Janitor janitor([](const std::string& folder) {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  });
  janitor.note(what, path);
}

}  // namespace polybus::lifetime

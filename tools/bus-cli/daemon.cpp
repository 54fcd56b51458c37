// bus-cli daemon start|stop|status: the registry's process
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "discovery/client/busd_program.hpp"
#include "discovery/protocol/fd.hpp"
#include "tools/bus-cli/bus_files.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/json_line.hpp"
#include "tools/bus-cli/units.hpp"

namespace polybus::cli {
namespace {

using discovery::Fd;

struct Running {
  pid_t pid = 0;  // 0: it does not run
  std::string socket;
};

Running find_running(const Globals& globals) {
  for (const std::string& path : socket_paths(globals)) {
    if (const pid_t pid = listening_pid(path); pid != 0) return {pid, path};
  }
  return {};
}

void report(const Globals& globals, const Running& running, const std::string& state) {
  if (globals.json) {
    JsonObject line = json_line();
    line.text("bus", bus_name(globals)).boolean("running", state != "stopped" && running.pid != 0);
    if (running.pid != 0) {
      line.count("pid", static_cast<uint64_t>(running.pid)).text("socket", running.socket);
    } else {
      line.null("pid").null("socket");
    }
    print_line(line.text("state", state).str());
    return;
  }
  std::string text = "busd of bus " + bus_name(globals) + ": " + state;
  if (running.pid != 0) text += ", pid " + std::to_string(running.pid) + ", " + running.socket;
  print_line(text);
}

// Starts it detached and waits for its word; see discovery/registry/daemon.hpp.
std::string start_and_wait(const Globals& globals, std::chrono::nanoseconds timeout) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw Stop(Exit::out_of_resources, std::string("pipe: ") + std::strerror(errno));
  const Fd word_in(ends[0]);
  Fd word_out(ends[1]);
  constexpr int kReadyFd = 3;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  ::posix_spawn_file_actions_adddup2(&actions, 0, 1);
  ::posix_spawn_file_actions_adddup2(&actions, 0, 2);
  ::posix_spawn_file_actions_adddup2(&actions, word_out.get(), kReadyFd);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  const std::string program = discovery::find_busd(), bus = bus_name(globals), ready_fd = std::to_string(kReadyFd);
  std::array<const char*, 6> arguments{program.c_str(), "--bus", bus.c_str(), "--ready-fd", ready_fd.c_str(), nullptr};
  pid_t pid = 0;
  const int failed =
      ::posix_spawnp(&pid, program.c_str(), &actions, &attributes, const_cast<char**>(arguments.data()), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    throw Stop(Exit::not_found,
               "cannot start " + program + ": " + std::strerror(failed) + "; set POLYBUS_BUSD to its path");
  }
  word_out = Fd();
  std::string word;
  pollfd waiting{word_in.get(), POLLIN, 0};
  const int milliseconds = static_cast<int>(timeout.count() / 1'000'000);
  std::array<char, 512> buffer{};
  while (::poll(&waiting, 1, milliseconds) > 0) {
    const ssize_t size = ::read(word_in.get(), buffer.data(), buffer.size());
    if (size <= 0) return word;
    word.append(buffer.data(), static_cast<size_t>(size));
  }
  throw Stop(Exit::timeout, "busd did not get ready within " + duration_text(static_cast<double>(timeout.count())));
}

// "E17:message" as the error it is.
[[noreturn]] void throw_word(const std::string& word) {
  const size_t colon = word.find(':');
  if (!word.starts_with('E') || colon == std::string::npos) {
    throw Stop(Exit::condition_false, "busd ended before it was ready");
  }
  throw Error(static_cast<Code>(std::atoi(word.c_str() + 1)), word.substr(colon + 1));
}

}  // namespace

Exit run_daemon_start(const Globals& globals, const DaemonOptions& options) {
  const auto timeout = parse_duration(options.timeout);
  if (const Running running = find_running(globals); running.pid != 0) {
    report(globals, running, "running");
    return Exit::done;
  }
  const std::string word = start_and_wait(globals, timeout);
  if (word != "R" && word != "A") throw_word(word);
  report(globals, find_running(globals), word == "R" ? "started" : "running");
  return Exit::done;
}

Exit run_daemon_stop(const Globals& globals, const DaemonOptions& options) {
  const auto timeout = parse_duration(options.timeout);
  const Running running = find_running(globals);
  if (running.pid == 0) {
    report(globals, running, "not running");
    return Exit::done;
  }
  // The descriptor names the process whatever becomes of its number.
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, running.pid, 0)));
  if (process.get() >= 0 && ::syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0) != 0 &&
      errno != ESRCH) {
    throw Stop(errno == EPERM ? Exit::permission : Exit::condition_false,
               "ending busd (pid " + std::to_string(running.pid) + "): " + std::strerror(errno));
  }
  pollfd ended{process.get(), POLLIN, 0};
  if (process.get() >= 0 && ::poll(&ended, 1, static_cast<int>(timeout.count() / 1'000'000)) == 0) {
    throw Stop(Exit::timeout, "busd (pid " + std::to_string(running.pid) + ") did not end within " +
                                  duration_text(static_cast<double>(timeout.count())));
  }
  report(globals, running, "stopped");
  return Exit::done;
}

Exit run_daemon_status(const Globals& globals) {
  const Running running = find_running(globals);
  report(globals, running, running.pid != 0 ? "running" : "not running");
  return running.pid != 0 ? Exit::done : Exit::bus_unreachable;
}

}  // namespace polybus::cli

// busd: the registry of one bus.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <polybus/error.hpp>

#include "discovery/registry/daemon.hpp"
#include "discovery/registry/log.hpp"

namespace {

// A program that starts busd must not become the parent of a process it does not know, nor wait for it: its child ends here
// at once, and the child's child serves the bus.
void leave_starter() {
  const pid_t child = ::fork();
  if (child > 0) ::_exit(0);
}

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

}  // namespace

int main(int argc, char** argv) {
  polybus::registry::DaemonOptions options;
  options.bus = environment("POLYBUS_BUS", "default");
  CLI::App app{
      "The registry of a Polybus bus: introduces processes to each other. Clients start it by themselves; in the "
      "foreground it serves until SIGINT or SIGTERM."};
  app.add_option("--bus", options.bus, "name of the bus")->capture_default_str();
  app.add_option("--socket", options.socket_path, "path of its socket, instead of one derived from the name");
  int idle_exit_s = -1;
  app.add_option("--idle-exit", idle_exit_s, "end when nobody has been on the bus for so many seconds");
  app.add_option("--ready-fd", options.ready_fd, "for programs that start busd: leave them, and report here")
      ->group("");
  app.set_version_flag("--version", "busd " POLYBUS_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (idle_exit_s >= 0) options.idle_exit_s = idle_exit_s;
  if (options.ready_fd >= 0) {
    ::fcntl(options.ready_fd, F_SETFD, FD_CLOEXEC);
    leave_starter();
  }
  polybus::registry::open_log(options.bus, environment("POLYBUS_LOG", "warn"));
  try {
    polybus::registry::serve(options);
    return 0;
  } catch (const polybus::Error& e) {
    // Where a starter waits, it has the message.
    if (options.ready_fd < 0) std::fprintf(stderr, "busd: %s\n", e.what());
    return e.code() == polybus::Code::invalid_argument ? 2 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "busd: %s\n", e.what());
    return 1;
  }
}

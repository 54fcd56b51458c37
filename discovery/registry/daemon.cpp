#include "discovery/registry/daemon.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <polybus/error.hpp>
#include <thread>

#include "bus/transport/stat.hpp"
#include "discovery/protocol/bus_files.hpp"
#include "discovery/protocol/lock_file.hpp"
#include "discovery/protocol/names.hpp"
#include "discovery/protocol/unix_socket.hpp"
#include "discovery/registry/log.hpp"
#include "discovery/registry/server.hpp"

namespace polybus::registry {

using namespace discovery;

namespace {

// A predecessor that is just ending, or one that is just starting, takes a moment.
constexpr auto kPredecessorPatience = std::chrono::seconds(2);

class AlreadyThere : public Error {
 public:
  explicit AlreadyThere(const std::string& path)
      : Error(Code::exclusive, "a busd serves this bus already, on " + path) {}
};

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void block_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &ending, nullptr);
}

bool answers(const std::string& socket_path) {
  Fd probe;
  const Reached reached = connect_unix(socket_path, &probe);
  return reached == Reached::yes || reached == Reached::busy;
}

LockFile take_lock(const BusFiles& files) {
  const auto deadline = std::chrono::steady_clock::now() + kPredecessorPatience;
  for (;;) {
    if (auto lock = LockFile::try_lock(files.lock)) return std::move(*lock);
    if (answers(files.socket) || std::chrono::steady_clock::now() > deadline) throw AlreadyThere(files.socket);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// A shell without XDG_RUNTIME_DIR may have started it elsewhere.
void refuse_second(const SocketChoice& choice, const std::string& ours) {
  for (const std::string& path : choice.paths)
    if (path != ours && LockFile::is_held(files_beside(path).lock)) throw AlreadyThere(path);
}

void remove_empty(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0) ::unlink(path.c_str());
}

void tell_starter(int fd, const std::string& word) {
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(fd, word.data(), word.size());
  ::close(fd);
}

void serve_locked(const DaemonOptions& options, const BusFiles& files) {
  Fd listener = listen_unix(files.socket);
  {
    Registry registry(options.bus, bus::StatFile::create(files.stat, random_number(), options.bus));
    std::optional<std::chrono::seconds> idle_exit;
    if (options.idle_exit_s) idle_exit = std::chrono::seconds(*options.idle_exit_s);
    Server server(registry, std::move(listener), idle_exit);
    tell_starter(options.ready_fd, "R");
    log_info("serves bus " + options.bus + " on " + files.socket);
    server.run();
    // Nobody new from here on; who is in the backlog sees the end and tries again.
    ::unlink(files.socket.c_str());
    ::unlink(files.stat.c_str());
  }
  ::unlink(files.start_lock.c_str());
  remove_empty(files.log);
}

}  // namespace

void serve(const DaemonOptions& options) {
  try {
    check_bus_name(options.bus);
    raise_descriptor_limit();
    block_signals();
    const SocketChoice choice = choose_socket(options.bus, options.socket_path);
    const std::string path = socket_to_make(choice);
    refuse_second(choice, path);
    const BusFiles files = files_beside(path);
    LockFile lock = take_lock(files);
    try {
      serve_locked(options, files);
    } catch (...) {
      lock.remove();
      throw;
    }
    lock.remove();
  } catch (const AlreadyThere&) {
    tell_starter(options.ready_fd, "A");
    throw;
  } catch (const Error& e) {
    tell_starter(options.ready_fd, "E" + std::to_string(static_cast<int>(e.code())) + ":" + e.what());
    throw;
  }
}

}  // namespace polybus::registry

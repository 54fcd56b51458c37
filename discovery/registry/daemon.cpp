#include "discovery/registry/daemon.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <polybus/error.hpp>
#include <thread>

#include "bus/memory/fault_point.hpp"
#include "bus/memory/size_text.hpp"
#include "bus/transport/limits.hpp"
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

void tell_starter(int fd, const std::string& word) {
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(fd, word.data(), word.size());
  ::close(fd);
}

// What lies beside the socket while busd serves; gone with it, however it ends.
class ServedFiles {
 public:
  explicit ServedFiles(const BusFiles& files) : files_(files) {}
  ~ServedFiles() {
    remove_socket();
    ::unlink(files_.start_lock.c_str());
    remove_if_empty(files_.log);
  }
  ServedFiles(const ServedFiles&) = delete;
  ServedFiles& operator=(const ServedFiles&) = delete;

  // Nobody new from here on; who is in the backlog sees the end and tries again.
  void remove_socket() noexcept {
    ::unlink(files_.socket.c_str());
    bus::fault_point("busd.socket_removed");
    ::unlink(files_.stat.c_str());
  }

 private:
  const BusFiles& files_;
};

// POLYBUS_MEMORY, else three quarters of what the machine has: a publisher that grows without end shall get an error before the
// system has to end somebody.
uint64_t memory_budget() {
  const char* text = std::getenv("POLYBUS_MEMORY");
  if (text == nullptr || *text == '\0')
    return static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) / 4 * 3;
  const auto bytes = bus::size_from_text(text);
  if (!bytes || *bytes < bus::kQuotaBytesMin)
    throw Error(Code::invalid_argument,
                std::string("POLYBUS_MEMORY=") + text + ": expected a size of at least 1M, such as 4G");
  return *bytes;
}

void serve_locked(const DaemonOptions& options, const BusFiles& files) {
  bus::fault_point("busd.locked");
  Fd listener = listen_unix(files.socket);
  ServedFiles served(files);
  bus::fault_point("busd.listens");
  {
    const auto stat_file = bus::StatFile::create(files.stat, random_number(), options.bus);
    stat_file->header().memory_budget_bytes = memory_budget();
    Registry registry(options.bus, stat_file);
    std::optional<std::chrono::seconds> idle_exit;
    if (options.idle_exit_s) idle_exit = std::chrono::seconds(*options.idle_exit_s);
    Server server(registry, std::move(listener), idle_exit);
    bus::fault_point("busd.counter_file_made");
    tell_starter(options.ready_fd, "R");
    bus::fault_point("busd.starter_told");
    log_info("serves bus " + options.bus + " on " + files.socket);
    server.run();
    bus::fault_point("busd.ending");
    served.remove_socket();
  }
  bus::fault_point("busd.registry_gone");
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

#include "discovery/client/starter.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <polybus/error.hpp>
#include <vector>

#include "bus/memory/fault_point.hpp"
#include "discovery/client/busd_program.hpp"
#include "discovery/client/log.hpp"

namespace polybus::discovery {
namespace {

// How long to leave the start to somebody who holds the lock: he may be stopped.
constexpr auto kTurnPatience = std::chrono::seconds(1);
constexpr off_t kLogBytesMax = 1 << 20;
constexpr int kReadyFd = 3;

int left_ms(Starter::Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Starter::Clock::now()).count();
  return left <= 0 ? 0 : static_cast<int>(std::min<int64_t>(left, 60'000));
}

// What busd needs and nothing else of the host's: it may outlive it by far.
std::vector<std::string> clean_environment() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (name == "PATH" || name == "HOME" || name == "LANG" || name == "XDG_RUNTIME_DIR" || name == "LD_LIBRARY_PATH" ||
        name.starts_with("POLYBUS_") || name.ends_with("SAN_OPTIONS"))
      kept.emplace_back(text);
  }
  return kept;
}

Fd open_log_file(const std::string& path) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat status {};
  if (fd && ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode)) {
    if (status.st_size > kLogBytesMax && ::ftruncate(fd.get(), 0) != 0) fd.reset();
    return fd;
  }
  return Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
}

// Out of the way of the descriptors that busd gets as 0 to 3.
Fd move_up(Fd fd) { return Fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 16)); }

class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// In a session of its own, in no folder, with nothing of ours open.
pid_t spawn(const std::string& program, std::vector<std::string> arguments, const Fd& ready, const Fd& log_file) {
  SpawnPlan plan;
  ::posix_spawn_file_actions_adddup2(&plan.actions, ready.get(), kReadyFd);
  ::posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&plan.actions, log_file.get(), 1);
  ::posix_spawn_file_actions_adddup2(&plan.actions, log_file.get(), 2);
  ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, kReadyFd + 1);
  ::posix_spawn_file_actions_addchdir_np(&plan.actions, "/");
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&plan.attributes, &none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  ::posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> environment = clean_environment();
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &plan.actions, &plan.attributes, pointers(arguments).data(),
                                  pointers(environment).data());
  if (error != 0) throw Error(Code::no_bus, "busd cannot be started: " + program + ": " + std::strerror(error));
  return pid;
}

// What we started forks once and ends (see tools/busd); collect it, so that the host never has a zombie.
void collect(pid_t pid, Starter::Clock::time_point deadline) {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd) {
    pollfd wait{pidfd.get(), POLLIN, 0};
    while (::poll(&wait, 1, left_ms(deadline)) < 0 && errno == EINTR) {
    }
  }
  ::waitpid(pid, nullptr, WNOHANG);
}

// All that busd says until it closes the pipe or says all is well.
std::string read_word(const Fd& pipe, Starter::Clock::time_point deadline, const std::string& program) {
  std::string word;
  for (;;) {
    pollfd wait{pipe.get(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, left_ms(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) throw Error(Code::timeout, "busd was started (" + program + ") but does not listen yet");
    char bytes[4096];
    const ssize_t got = ::read(pipe.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return word;
    word.append(bytes, static_cast<size_t>(got));
    if (word[0] != 'E') return word;
  }
}

[[noreturn]] void throw_word(const std::string& word) {
  int code = static_cast<int>(Code::internal);
  const size_t colon = word.find(':');
  if (colon == std::string::npos) throw Error(Code::no_bus, "busd says: " + word);
  std::from_chars(word.data() + 1, word.data() + colon, code);
  throw Error(static_cast<Code>(code), word.substr(colon + 1));
}

}  // namespace

bool Starter::is_our_turn() {
  if (lock_) return true;
  lock_ = LockFile::try_lock(files_.start_lock);
  bus::fault_point("start.turn_taken");
  if (lock_) return true;
  if (!waiting_since_) waiting_since_ = Clock::now();
  return Clock::now() - *waiting_since_ > kTurnPatience;
}

void Starter::start(Clock::time_point deadline) {
  try {
    start_busd(find_busd(), deadline);
  } catch (...) {
    // Ours, unless somebody whose busd came up meanwhile has it.
    if (lock_) remove_if_empty(files_.log);
    throw;
  }
}

void Starter::start_busd(const std::string& program, Clock::time_point deadline) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw Error(Code::limit, std::string("busd cannot be started: ") + std::strerror(errno) + "; raise `ulimit -n`");
  const Fd reading(ends[0]);
  Fd writing = move_up(Fd(ends[1]));
  const Fd log_file = move_up(open_log_file(files_.log));
  if (!writing || !log_file)
    throw Error(Code::limit, "busd cannot be started: out of file descriptors; raise `ulimit -n`");
  bus::fault_point("start.about_to_spawn");
  const pid_t pid = spawn(
      program,
      {program, "--bus", bus_, "--socket", files_.socket, "--idle-exit", "5", "--ready-fd", std::to_string(kReadyFd)},
      writing, log_file);
  bus::fault_point("start.spawned");
  writing.reset();
  bus::fault_point("start.waiting");
  std::string word;
  try {
    word = read_word(reading, deadline, program);
  } catch (...) {
    collect(pid, Clock::now());
    throw;
  }
  bus::fault_point("start.told");
  collect(pid, deadline);
  bus::fault_point("start.collected");
  log(LogLevel::info, "started " + program + " for bus " + bus_);
  if (word.empty()) throw Error(Code::no_bus, "busd (" + program + ") ended before it listened; see " + files_.log);
  if (word[0] == 'E') throw_word(word);
  end_turn();
  bus::fault_point("start.turn_ended");
  waiting_since_.reset();
}

}  // namespace polybus::discovery

#include "tools/bus-cli/chaos/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/bus-cli/exit_code.hpp"

namespace polybus::cli::chaos {
namespace {

using discovery::Fd;

constexpr int kBoardFd = 3;

pid_t fork_or_stop() {
  const pid_t pid = ::fork();
  if (pid < 0) throw Stop(Exit::out_of_resources, std::string("fork: ") + std::strerror(errno));
  return pid;
}

// In the child: what it must not have of its parent.
void become_worker(pid_t parent, int log_fd) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  ::setpgid(0, 0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ::dup2(nothing.get(), 0);
  ::dup2(nothing.get(), 1);
  ::dup2(log_fd, 2);
}

void close_others(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned first = 3;
  for (const int fd : kept) {
    if (static_cast<unsigned>(fd) > first) ::close_range(first, static_cast<unsigned>(fd) - 1, 0);
    first = static_cast<unsigned>(fd) + 1;
  }
  ::close_range(first, ~0U, 0);
}

std::array<Fd, 2> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Stop(Exit::out_of_resources, std::string("pipe: ") + std::strerror(errno));
  return {Fd(ends[0]), Fd(ends[1])};
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// "socket:[4711]" is a socket; "anon_inode:[eventfd]" stays as it is.
std::string kind_of(const std::string& target) {
  const size_t at = target.find(":[");
  const bool has_number = at != std::string::npos && std::isdigit(static_cast<unsigned char>(target[at + 2])) != 0;
  return has_number ? target.substr(0, at) : target;
}

uint64_t status_field(const std::string& status, const std::string& name) {
  const size_t at = status.find("\n" + name + ":");
  return at == std::string::npos ? 0 : std::strtoull(status.c_str() + at + name.size() + 2, nullptr, 10);
}

}  // namespace

void adopt_orphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

pid_t fork_child(int log_fd, const std::vector<int>& kept_fds, const std::function<int()>& work) {
  const pid_t parent = ::getpid();
  const pid_t pid = fork_or_stop();
  if (pid != 0) return pid;
  become_worker(parent, log_fd);
  close_others(kept_fds);
  ::_exit(work());
}

Program start_program(const std::vector<std::string>& command, int log_fd, int board_fd) {
  auto [child_input, our_output] = make_pipe();
  auto [our_input, child_output] = make_pipe();
  const pid_t parent = ::getpid();
  const pid_t pid = fork_or_stop();
  if (pid == 0) {
    become_worker(parent, log_fd);
    ::dup2(child_input.get(), 0);
    ::dup2(child_output.get(), 1);
    ::dup2(board_fd, kBoardFd);
    ::fcntl(kBoardFd, F_SETFD, 0);
    close_others({kBoardFd});
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  return {pid, std::move(our_output), std::move(our_input)};
}

bool send_signal(pid_t pid, int signal) noexcept { return pid > 0 && ::kill(pid, signal) == 0; }

void end_child(pid_t pid) noexcept {
  if (!send_signal(pid, SIGKILL)) return;
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Footprint footprint_of(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  Footprint print;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/fd", error)) {
    const std::string target = std::filesystem::read_symlink(entry.path(), error);
    if (!error) ++print["descriptor of " + kind_of(target)];
  }
  std::istringstream maps(read_file(folder + "/maps"));
  for (std::string line; std::getline(maps, line);)
    if (const size_t at = line.find("/memfd:"); at != std::string::npos) ++print["mapping of " + line.substr(at)];
  return print;
}

pid_t parent_of(pid_t pid) {
  return static_cast<pid_t>(status_field(read_file("/proc/" + std::to_string(pid) + "/status"), "PPid"));
}

std::vector<pid_t> children_but(pid_t exempt) {
  const std::string own = std::to_string(::getpid());
  std::istringstream text(read_file("/proc/" + own + "/task/" + own + "/children"));
  std::vector<pid_t> children;
  for (pid_t child = 0; text >> child;)
    if (child != exempt) children.push_back(child);
  return children;
}

std::string name_of(pid_t pid) {
  std::string name = read_file("/proc/" + std::to_string(pid) + "/comm");
  if (!name.empty()) name.pop_back();
  return name;
}

}  // namespace polybus::cli::chaos

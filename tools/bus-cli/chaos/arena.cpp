#include "tools/bus-cli/chaos/arena.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "discovery/protocol/bus_files.hpp"
#include "tools/bus-cli/bus_files.hpp"
#include "tools/bus-cli/chaos/process.hpp"
#include "tools/bus-cli/exit_code.hpp"

namespace polybus::cli::chaos {
namespace {

using discovery::Fd;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr const char* kOurs = "chaos-";  // files in the folder that are not the bus's

std::string make_folder() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  for (const std::string parent : {runtime == nullptr ? "" : runtime, "/tmp"}) {
    std::string folder = parent + "/polybus-chaos-XXXXXX";
    if (!parent.empty() && ::mkdtemp(folder.data()) != nullptr) return folder;
  }
  throw Stop(Exit::condition_false, std::string("no folder for a bus of its own: /tmp: ") + std::strerror(errno));
}

void remove_folder(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

void kill_busd(const std::string& socket) {
  if (const pid_t busd = listening_pid(socket); busd > 0) ::kill(busd, SIGKILL);
}

void remove_counters(const std::string& socket) {
  std::error_code ignored;
  std::filesystem::remove(discovery::files_beside(socket).stat, ignored);
}

// When the run was killed: its workers are dead by then or will be at once.
void clear_away_busd(const std::string& socket) {
  for (int tries = 0; tries < 3; ++tries) {
    kill_busd(socket);
    std::this_thread::sleep_for(50ms);
  }
  remove_counters(socket);
}

}  // namespace

Arena::Arena(const std::optional<Host>& host)
    : is_guest_(host.has_value()), folder_(make_folder()), socket_(host ? host->socket : folder_ + "/bus.sock") {
  log_ = Fd(::open((folder_ + "/chaos-log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  for (const char* name : {"POLYBUS_AUTOSTART", "POLYBUS_WINDOW"}) ::unsetenv(name);
  if (is_guest_) ::setenv("POLYBUS_AUTOSTART", "0", 1);
  ::setenv("POLYBUS_BUS", host ? host->bus.c_str() : "chaos", 1);
  ::setenv("POLYBUS_SOCKET", socket_.c_str(), 1);
  ::setenv("POLYBUS_LOG", "error", 0);
  start_janitor();
}

Arena::~Arena() {
  if (!is_guest_) {
    kill_busd(socket_);
    remove_counters(socket_);
  }
  remove_folder(folder_);
  [[maybe_unused]] const ssize_t written = ::write(janitor_pipe_.get(), "k", 1);
  janitor_pipe_.reset();
  while (::waitpid(janitor_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// In a session of its own, so that what ends the run does not end it, too.
void Arena::start_janitor() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Stop(Exit::out_of_resources, std::string("pipe: ") + std::strerror(errno));
  janitor_pipe_ = Fd(ends[1]);
  janitor_ = ::fork();
  if (janitor_ < 0) throw Stop(Exit::out_of_resources, std::string("fork: ") + std::strerror(errno));
  if (janitor_ == 0) {
    ::setsid();
    ::dup2(ends[0], 0);
    ::close_range(1, ~0U, 0);
    char word = 0;
    ssize_t got = 0;
    while ((got = ::read(0, &word, 1)) < 0 && errno == EINTR) {
    }
    if (got == 0 && !is_guest_) clear_away_busd(socket_);
    if (got == 0) remove_folder(folder_);
    ::_exit(0);
  }
  ::close(ends[0]);
}

std::string Arena::log_text() const {
  std::ifstream file(folder_ + "/chaos-log");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Arena::write_script(const std::string& name, const std::string& text) const {
  const std::string path = folder_ + "/" + kOurs + name;
  std::ofstream(path) << text;
  return path;
}

pid_t Arena::busd_pid() const { return listening_pid(socket_); }

std::vector<std::string> Arena::close_bus(int patience_ms) {
  if (is_guest_) return {};
  const auto deadline = Clock::now() + std::chrono::milliseconds(patience_ms);
  for (pid_t busd = 0; (busd = busd_pid()) > 0;) {
    if (Clock::now() > deadline) return {"busd (pid " + std::to_string(busd) + ") does not end"};
    send_signal(busd, SIGTERM);
    std::this_thread::sleep_for(5ms);
  }
  // It answers no more and removes its files.
  std::vector<std::string> left;
  do {
    left.clear();
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const std::string name = entry.path().filename();
      if (!name.starts_with(kOurs) && name != "bus.log") left.push_back("file " + entry.path().string());
    }
    const std::string counters = discovery::files_beside(socket_).stat;
    if (!counters.starts_with(folder_) && std::filesystem::exists(counters)) left.push_back("file " + counters);
    if (left.empty()) break;
    std::this_thread::sleep_for(5ms);
  } while (Clock::now() < deadline);
  return left;
}

}  // namespace polybus::cli::chaos

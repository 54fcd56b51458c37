#include "tools/bus-cli/chaos/interpreter.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "tools/bus-cli/chaos/process.hpp"
#include "tools/bus-cli/chaos/scripts.hpp"
#include "tools/bus-cli/exit_code.hpp"

namespace polybus::cli::chaos {
namespace {

constexpr int kStartPatienceMs = 20'000;

// Whether the program said that it has the package and waits for a slot's number.
bool is_ready(const Program& program) {
  pollfd waiting{program.output.get(), POLLIN, 0};
  if (::poll(&waiting, 1, kStartPatienceMs) <= 0) return false;
  char word = 0;
  return ::read(program.output.get(), &word, 1) == 1;
}

void send_slot(const Program& program, size_t slot) {
  const std::string line = std::to_string(slot) + "\n";
  if (::write(program.input.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw Stop(Exit::condition_false, "a worker's interpreter (pid " + std::to_string(program.pid) + ") has ended");
}

// The last thing it wrote, most likely an error's text.
std::string last_line(const std::string& text) {
  const size_t end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "it cannot be started";
  const size_t begin = text.rfind('\n', end);
  return text.substr(begin + 1, end - begin);
}

class Python final : public Interpreter {
 public:
  explicit Python(Program program) : program_(std::move(program)) {}
  ~Python() override { end_child(program_.pid); }

  pid_t start_worker(size_t slot) override {
    send_slot(program_, slot);
    return 0;
  }
  bool is_own(pid_t pid) const override { return pid == program_.pid; }

 private:
  Program program_;
};

class NodeJs final : public Interpreter {
 public:
  NodeJs(std::vector<std::string> command, int log_fd, int board_fd, Program spare)
      : command_(std::move(command)), log_fd_(log_fd), board_fd_(board_fd), spare_(std::move(spare)) {}
  ~NodeJs() override { end_child(spare_.pid); }

  pid_t start_worker(size_t slot) override {
    send_slot(spare_, slot);
    const pid_t worker = spare_.pid;
    spare_ = start_program(command_, log_fd_, board_fd_);
    return worker;
  }
  bool is_own(pid_t pid) const override { return pid == spare_.pid; }

 private:
  std::vector<std::string> command_;
  int log_fd_, board_fd_;
  Program spare_;
};

// Starts it and waits for its word.
bool start(const Arena& arena, const Board& board, const std::vector<std::string>& command, Program* program,
           std::string* why_not) {
  const std::string log_before = arena.log_text();
  *program = start_program(command, arena.log_fd(), board.fd());
  if (is_ready(*program)) return true;
  end_child(program->pid);
  *why_not = command[0] + ": " + last_line(arena.log_text().substr(log_before.size()));
  return false;
}

}  // namespace

std::unique_ptr<Interpreter> start_python(const Arena& arena, const Board& board, const std::string& program,
                                          std::string* why_not) {
  const std::string script = arena.write_script("worker.py", std::string(kPythonWorker));
  Program zygote;
  if (!start(arena, board, {program, "-u", script}, &zygote, why_not)) return nullptr;
  return std::make_unique<Python>(std::move(zygote));
}

std::unique_ptr<Interpreter> start_node(const Arena& arena, const Board& board, const std::string& program,
                                        std::string* why_not) {
  const std::string script = arena.write_script("worker.cjs", std::string(kNodeWorker));
  const std::vector<std::string> command = {program, script};
  Program spare;
  if (!start(arena, board, command, &spare, why_not)) return nullptr;
  return std::make_unique<NodeJs>(command, arena.log_fd(), board.fd(), std::move(spare));
}

}  // namespace polybus::cli::chaos

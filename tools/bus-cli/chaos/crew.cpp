#include "tools/bus-cli/chaos/crew.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

#include "tools/bus-cli/chaos/process.hpp"
#include "tools/bus-cli/chaos/worker.hpp"

namespace polybus::cli::chaos {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kPlain = 1, kKept = 2, kGrown = 4, kBlocked = 8, kAll = 15;

// Three that live through everything, one of them for each language, and one more C++; eight that are killed again and again.
constexpr std::array<Role, 12> kRoles = {{
    {Language::cpp, false, kAll, 0},
    {Language::cpp, false, 0, kAll},
    {Language::python, false, kPlain | kKept, kAll},
    {Language::node, false, kPlain | kKept, kAll},
    {Language::cpp, true, kPlain | kKept, 0},
    {Language::cpp, true, kGrown | kBlocked, kPlain},
    {Language::cpp, true, 0, kPlain | kGrown},
    {Language::cpp, true, 0, kKept | kBlocked},
    {Language::cpp, true, kPlain | kKept, kGrown | kBlocked, true},
    {Language::python, true, kPlain | kGrown, kPlain | kKept},
    {Language::node, true, kPlain | kKept, kGrown | kBlocked},
    {Language::cpp, true, kAll, kAll, false, true},
}};

std::string ending(int status) {
  if (WIFSIGNALED(status))
    return "by signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
  return "with exit code " + std::to_string(WEXITSTATUS(status));
}

std::string_view text_of(Step step) {
  switch (step) {
    case Step::starting: return "starting";
    case Step::joining: return "joining the bus";
    case Step::opening: return "opening an end";
    case Step::ready: return "at work";
    case Step::closing: return "closing";
  }
  return "?";
}

double ms(Crew::Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

}  // namespace

size_t Crew::places() { return kRoles.size(); }

Crew::Crew(Arena& arena, Board& board, Plan& plan, Report& report, Interpreters interpreters, SabotageOrder sabotage,
           std::chrono::milliseconds bound)
    : arena_(arena),
      board_(board),
      plan_(plan),
      report_(report),
      interpreters_(std::move(interpreters)),
      sabotage_(sabotage),
      bound_(bound),
      members_(kRoles.size()) {}

Crew::~Crew() {
  disband();
  for (const Member& member : members_) send_signal(member.pid, SIGKILL);
  end_interpreters();
  // Also those who just started something: what that leaves behind is ours with its end.
  for (auto children = children_but(arena_.janitor()); !children.empty(); children = children_but(arena_.janitor()))
    for (const pid_t child : children) end_child(child);
}

// Where a language is missing, C++ takes its place.
Role Crew::role(size_t place) const {
  Role role = kRoles[place];
  if (role.language != Language::cpp && interpreter(role.language) == nullptr) role.language = Language::cpp;
  return role;
}

Interpreter* Crew::interpreter(Language language) const {
  return language == Language::python ? interpreters_.python.get() : interpreters_.node.get();
}

void Crew::fill(bool with_newcomer) {
  for (size_t place = 0; place < members_.size(); ++place) {
    const Member& member = members_[place];
    if (member.pid == 0 && !member.is_expected && (with_newcomer || !kRoles[place].is_newcomer)) start(place);
  }
}

void Crew::start(size_t place) {
  const Role role = this->role(place);
  Member& member = members_[place];
  member = Member{};
  member.is_expected = true;
  member.moved = Clock::now();
  board_.clear(place);
  Orders& orders = board_.slot(place).orders;
  orders = plan_.orders(role);
  if (!role.is_victim && kLanguageNames[static_cast<size_t>(role.language)] == sabotage_.language)
    orders.sabotage = static_cast<uint64_t>(sabotage_.what);
  member.pid = role.language == Language::cpp
                   ? fork_child(arena_.log_fd(), {}, [&] { return run_worker(board_, place); })
                   : interpreter(role.language)->start_worker(place);
}

void Crew::attend() {
  note_new_pids();
  end_stops();
  collect_dead();
  if (!disbanded_) fill(false);
  for (size_t place = 0; place < members_.size(); ++place) watch_progress(place);
}

// Workers that Python forked say themselves who they are.
void Crew::note_new_pids() {
  for (size_t place = 0; place < members_.size(); ++place) {
    Member& member = members_[place];
    if (member.is_expected && member.pid == 0)
      member.pid = static_cast<pid_t>(board_.slot(place).deeds.pid.load(std::memory_order_acquire));
  }
}

void Crew::collect_dead() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    note_new_pids();
    const auto member = std::find_if(members_.begin(), members_.end(), [pid](const Member& m) { return m.pid == pid; });
    if (member != members_.end())
      on_death(static_cast<size_t>(member - members_.begin()), status);
    else
      on_stranger_death(pid, status);
  }
}

void Crew::on_death(size_t place, int status) {
  Member& member = members_[place];
  const std::string complaint = board_.complaint(place);
  if (!complaint.empty() && !member.has_complained) report_.find(name(place) + ": " + complaint);
  const bool was_to_leave = disbanded_ && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!member.is_killed && !was_to_leave && complaint.empty()) report_.find(name(place) + " ended " + ending(status));
  report_.add(board_.slot(place).deeds);
  member = Member{};
}

// busd, those who started it, what a worker left behind.
void Crew::on_stranger_death(pid_t pid, int status) {
  if (killed_busds_.erase(pid) != 0) return;
  for (const Interpreter* interpreter : {interpreters_.python.get(), interpreters_.node.get()})
    if (interpreter != nullptr && interpreter->is_own(pid))
      report_.find("an interpreter of workers ended " + ending(status));
  if (WIFSIGNALED(status))
    report_.find("busd, or a process that started it (pid " + std::to_string(pid) + "), ended " + ending(status));
}

void Crew::watch_progress(size_t place) {
  Member& member = members_[place];
  if (!member.is_expected || member.is_killed) return;
  const Deeds& deeds = board_.slot(place).deeds;
  if (!member.has_complained) {
    if (const std::string complaint = board_.complaint(place); !complaint.empty()) {
      member.has_complained = true;
      report_.find(name(place) + ": " + complaint);
    }
  }
  const auto now = Clock::now();
  const uint64_t moves = deeds.turns * 8 + deeds.step;
  if (moves != member.moves || member.stopped_until) {
    member.moves = moves;
    member.moved = now;
    return;
  }
  const auto silence = now - member.moved;
  if (static_cast<Step>(deeds.step.load()) == Step::ready)
    report_.longest_silence_ms = std::max(report_.longest_silence_ms, ms(silence));
  if (silence < bound_ || member.is_hung) return;
  member.is_hung = true;
  report_.find("hang: " + name(place) + " made no progress for " + std::to_string(bound_.count()) + " ms while " +
               std::string(text_of(static_cast<Step>(deeds.step.load()))));
}

// ---- strokes ---------------------------------------------------------------------------------------------------------

bool Crew::strike(const Stroke& stroke) {
  if (stroke.is_at_busd) return strike_busd(stroke);
  const auto place = choose(stroke);
  if (!place) return false;
  Member& member = members_[*place];
  if (stroke.kind == Stroke::Kind::stop) {
    if (!send_signal(member.pid, SIGSTOP)) return false;
    member.stopped_until = Clock::now() + std::chrono::microseconds(stroke.stop_us);
    ++report_.stops;
    return true;
  }
  if (!send_signal(member.pid, SIGKILL)) return false;
  member.is_killed = true;
  ++report_.kills[static_cast<size_t>(role(*place).language)];
  return true;
}

std::optional<size_t> Crew::choose(const Stroke& stroke) const {
  std::vector<size_t> candidates;
  for (size_t place = 0; place < members_.size(); ++place) {
    const Member& member = members_[place];
    const Role role = this->role(place);
    if (!is_at_work(member) || member.stopped_until) continue;
    if (stroke.kind == Stroke::Kind::stop || (role.is_victim && role.language == language_there(stroke.language)))
      candidates.push_back(place);
  }
  if (candidates.empty()) return std::nullopt;
  const size_t place = candidates[stroke.choice % candidates.size()];
  const auto step = static_cast<Step>(board_.slot(place).deeds.step.load());
  if (stroke.is_patient && step < Step::opening) return std::nullopt;
  return place;
}

Language Crew::language_there(Language language) const {
  return language != Language::cpp && interpreter(language) == nullptr ? Language::cpp : language;
}

bool Crew::strike_busd(const Stroke& stroke) {
  const pid_t pid = arena_.busd_pid();
  // Ours to wait for, so its number is not another process's.
  if (pid <= 0 || parent_of(pid) != ::getpid() || busd_.stopped_until) return false;
  if (stroke.kind == Stroke::Kind::stop) {
    if (!send_signal(pid, SIGSTOP)) return false;
    busd_ = {pid, Clock::now() + std::chrono::microseconds(stroke.stop_us)};
    ++report_.stops;
    return true;
  }
  killed_busds_.insert(pid);
  if (!send_signal(pid, SIGKILL)) return false;
  ++report_.busd_kills;
  return true;
}

void Crew::end_stops() {
  const auto now = Clock::now();
  for (Member& member : members_) {
    if (!member.stopped_until || *member.stopped_until > now) continue;
    send_signal(member.pid, SIGCONT);
    member.stopped_until.reset();
    member.moved = now;
  }
  if (busd_.stopped_until && *busd_.stopped_until <= now) {
    send_signal(busd_.pid, SIGCONT);
    busd_.stopped_until.reset();
  }
}

void Crew::let_all_run() {
  for (Member& member : members_)
    if (member.stopped_until) member.stopped_until = Clock::now();
  if (busd_.stopped_until) busd_.stopped_until = Clock::now();
  end_stops();
}

void Crew::dismiss_newcomer() {
  for (size_t place = 0; place < members_.size(); ++place)
    if (kRoles[place].is_newcomer && send_signal(members_[place].pid, SIGKILL)) members_[place].is_killed = true;
}

// ---- the end ---------------------------------------------------------------------------------------------------------

void Crew::disband() {
  let_all_run();
  disbanded_ = true;
}

size_t Crew::alive() const {
  return static_cast<size_t>(
      std::count_if(members_.begin(), members_.end(), [](const Member& m) { return m.is_expected; }));
}

bool Crew::is_ready(size_t place) const {
  return is_at_work(members_[place]) && static_cast<Step>(board_.slot(place).deeds.step.load()) == Step::ready;
}

bool Crew::all_ready() const {
  for (size_t place = 0; place < members_.size(); ++place)
    if (!is_ready(place)) return false;
  return true;
}

bool Crew::is_busy() const {
  for (size_t place = 0; place < members_.size(); ++place)
    if (!is_ready(place) && !kRoles[place].is_newcomer) return false;
  return true;
}

std::string Crew::anybody() const {
  for (size_t place = 0; place < members_.size(); ++place)
    if (members_[place].is_expected) return name(place);
  return "nobody";
}

std::string Crew::name(size_t place) const {
  const Role role = this->role(place);
  std::string name(kLanguageNames[static_cast<size_t>(role.language)]);
  name += role.is_newcomer ? " newcomer" : role.is_victim ? " victim" : " survivor";
  return name + " " + std::to_string(place) + " (pid " + std::to_string(members_[place].pid) + ")";
}

void Crew::end_interpreters() { interpreters_ = {}; }

std::vector<std::string> Crew::wait_for_all(std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  std::vector<std::string> left;
  for (;;) {
    collect_dead();
    left.clear();
    for (const pid_t child : children_but(arena_.janitor()))
      left.push_back("process " + std::to_string(child) + " (" + chaos::name_of(child) + ")");
    if (left.empty() || Clock::now() > deadline) return left;
    std::this_thread::sleep_for(1ms);
  }
}

}  // namespace polybus::cli::chaos

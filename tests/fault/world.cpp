#include "tests/fault/world.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <set>

namespace polybus::fault {
namespace {

std::string text_of_size(size_t bytes) { return std::string(bytes, 'x'); }

// Answers every "ping n" with "pong n", for ever.
int answer_pings(const std::shared_ptr<PublisherEnd>& publisher, const std::shared_ptr<SubscriberEnd>& subscriber) {
  for (;;) {
    const std::string text = receive(*subscriber, 3600s);
    if (text.starts_with("ping ")) send(*publisher, "pong " + text.substr(5));
  }
}

}  // namespace

Fate fate_of(pid_t pid) {
  Fate fate;
  eventually([&] {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
      return false;
    fate.kind = info.si_code == CLD_EXITED ? Fate::exited : info.si_code == CLD_STOPPED ? Fate::stopped : Fate::killed;
    fate.number = info.si_status;
    return true;
  });
  return fate;
}

bool has_ended(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

// ---- victims ---------------------------------------------------------------------------------------------------------

std::unique_ptr<Child> World::victim(const Plan& plan, const std::function<int()>& script) {
  return std::make_unique<Child>([&] {
    ::alarm(100);
    arm(plan);
    return script();
  });
}

std::vector<Passed> World::rehearse(const std::function<int()>& script) {
  const std::string record = folder / "rehearsal";
  std::filesystem::remove(record);
  EXPECT_EQ(victim(recording(record), script)->wait(), 0) << "already the undisturbed run fails";
  auto reached = read_record(record);
  std::filesystem::remove(record);
  return reached;
}

// By the sources and not by the rehearsal: each part rehearses for itself, and threads do not take turns the same way
// every time.
std::vector<Passed> World::points_of_part(const std::function<int()>& script, unsigned part, unsigned parts,
                                          const IsElsewhere& is_elsewhere) {
  const std::vector<Passed> reached = rehearse(script);
  std::vector<Passed> all;
  for (const std::string& point : points_of_the_sources()) {
    const auto passed = std::find_if(reached.begin(), reached.end(), [&](const auto& r) { return r.point == point; });
    const unsigned count = passed == reached.end() ? 0 : passed->count;
    if (is_elsewhere(point))
      EXPECT_EQ(count, 0U) << point << " is passed here, too";
    else
      all.push_back({point, count});
  }
  std::vector<Passed> ours;
  for (size_t i = part; i < all.size(); i += parts) ours.push_back(all[i]);
  return ours;
}

void World::at_every_point(const std::function<int()>& script, int signal, unsigned part, unsigned parts,
                           const IsElsewhere& is_elsewhere,
                           const std::function<void(Child& victim, const Plan& plan)>& check) {
  constexpr int kTries = 10;
  const std::vector<Passed> points = points_of_part(script, part, parts, is_elsewhere);
  ASSERT_FALSE(points.empty());
  unsigned done = 0, again = 0, missed = 0;
  const auto was_hit = [&](const Plan& plan) {
    const auto process = victim(plan, script);
    const Fate fate = fate_of(process->pid());
    if (fate.kind == Fate::exited && fate.number == 0) {
      process->wait();
      return false;
    }
    EXPECT_EQ(fate.kind, signal == SIGSTOP ? Fate::stopped : Fate::killed) << "ended with " << fate.number;
    if (signal == SIGKILL) process->wait();
    check(*process, plan);
    ++done;
    return true;
  };
  for (const Passed& passed : points) {
    const Plan first = at_point(passed.point, signal, 1),
               half_way = at_point(passed.point, signal, passed.count / 2 + 1);
    {
      SCOPED_TRACE(to_text(first));
      int tries = 1;
      while (!was_hit(first) && tries < kTries) ++tries;
      again += tries - 1;
      ASSERT_LT(tries, kTries) << "was not reached";
    }
    SCOPED_TRACE(to_text(half_way));
    if (half_way.hit > 1 && !was_hit(half_way)) ++missed;  // is not passed as often every time
    if (::testing::Test::HasFailure()) return;
  }
  std::printf("%u times at %zu points; %u lives for points not reached at once, %u not half way\n", done, points.size(),
              again, missed);
}

// ---- those who must go on --------------------------------------------------------------------------------------------

void World::open_world() {
  Signal ready;
  peer = std::make_unique<Child>([&] {
    const auto member = join("peer");
    const auto pub = member.publisher("shared");
    const auto sub = member.subscriber("shared", 64);
    ready.give();
    return answer_pings(pub, sub);
  });
  ready.await();
  witness = join("witness");
  // So little memory that lost chunks would soon be missing.
  publisher = witness.session->advertise(
      witness.node, {.topic = "shared", .schema = {}, .history = 0, .exclusive = false, .quota_bytes = 1 << 20});
  subscriber = witness.subscriber("shared", 64);
  blocked = witness.session->subscribe(
      witness.node,
      {.topic = "blocked", .schema = {}, .queue_depth = 1, .history = {}, .blocking = true, .wants_fd = false});
  expect_service();
}

void World::close_world() {
  blocked.reset();
  subscriber.reset();
  publisher.reset();
  witness = {};
  peer.reset();
}

void World::await_connections() {
  const auto count_ours = [](const Graph& graph) {
    std::set<uint64_t> ours;
    for (const GraphTopic& topic : graph.topics)
      for (const GraphEnd& end : topic.ends)
        if (topic.topic == "shared" && (end.node == "witness" || end.node == "peer")) ours.insert(end.id);
    return std::count_if(graph.connections.begin(), graph.connections.end(), [&](const GraphConnection& connection) {
      return ours.contains(connection.publisher_id) && ours.contains(connection.subscriber_id);
    });
  };
  ASSERT_TRUE(eventually([&] { return count_ours(witness.session->graph()) == 4; }));
}

World::~World() {
  if (probes_.empty()) return;
  std::sort(probes_.begin(), probes_.end());
  const auto to_ms = [](Clock::duration took) { return std::chrono::duration<double, std::milli>(took).count(); };
  std::printf("%zu probes: half of them within %.2f ms, the longest %.2f ms\n", probes_.size(),
              to_ms(probes_[probes_.size() / 2]), to_ms(probes_.back()));
}

// The waits in `exchange` are patient, so that what comes too late is told apart from what never comes.
void World::probe(const char* what, const std::function<void()>& exchange) {
  const uint64_t before = pace_.ticks();
  const auto began = Clock::now();
  exchange();
  const auto took = Clock::now() - began;
  probes_.push_back(took);
  EXPECT_LE(pace_.ticks() - before, Pace::kTicksPerSecond)
      << what << " took " << std::chrono::duration<double>(took).count() << " s";
}

void World::expect_traffic() {
  probe("the way to a peer and back", [this] { exchange_messages(); });
}

void World::expect_service() {
  expect_traffic();
  probe("a topic of one's own", [this] { be_served(); });
}

void World::exchange_messages() {
  const std::string number = std::to_string(++pings);
  const uint64_t lost = subscriber->port().lost();
  send(*publisher, "ping " + number);
  bool ping = false, pong = false;
  for (const auto end = Clock::now() + kPatience; (!ping || !pong) && Clock::now() < end;) {
    const std::string text = receive(*subscriber);
    ping |= text == "ping " + number;
    pong |= text == "pong " + number;
  }
  EXPECT_TRUE(ping) << "the witness no longer hears itself";
  EXPECT_TRUE(pong) << "the peer no longer answers; " << subscriber->port().lost() - lost << " lost meanwhile";
}

void World::take_what_is_left() const {
  for (const auto& end : {blocked, subscriber})
    while (end->port().take() != nullptr) {
    }
}

void World::be_served() {
  EXPECT_GE(witness.session->graph().nodes.size(), 2U);
  const auto sub = witness.subscriber("fresh");
  const auto pub = witness.publisher("fresh");
  send(*pub, "x");
  EXPECT_EQ(receive(*sub), "x");
}

long World::busd_fds() const {
  const auto entries = std::filesystem::directory_iterator("/proc/" + std::to_string(busd_->pid()) + "/fd");
  return std::distance(begin(entries), end(entries));
}

uint64_t World::book_bytes() const {
  for (const auto& fd : std::filesystem::directory_iterator("/proc/" + std::to_string(busd_->pid()) + "/fd")) {
    struct stat status {};
    if (std::filesystem::read_symlink(fd.path()).string().find("polybus-book") == std::string::npos) continue;
    if (::stat(fd.path().c_str(), &status) == 0) return static_cast<uint64_t>(status.st_blocks) * 512;
  }
  return 0;
}

// ---- a life ----------------------------------------------------------------------------------------------------------

namespace {

#define POLYBUS_EXPECT(condition)                                                        \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "victim: line %d: %s does not hold\n", __LINE__, #condition); \
      return __LINE__ % 90 + 1;                                                          \
    }                                                                                    \
  } while (false)

// More than the memory holds, in sizes of which each wants a pool of its own.
void outgrow(PublisherEnd& end) {
  for (uint64_t bytes : {1'000, 10'000, 200'000, 300'000}) end.port().loan(bytes).discard();
  end.port().loan(900'000).discard();  // only with the idle pools' memory
}

void be_held_up(PublisherEnd& end) {
  for (int i = 0; i < 3; ++i) {
    bus::Loan loan = end.port().loan(8);
    try {
      end.port().send(loan, 8, 2ms);
    } catch (const Error& e) {
      if (e.code() != Code::timeout) throw;
    }
  }
}

}  // namespace

int World::live_a_life(bool autostart) const {
  const Member member = join("victim", autostart);
  auto own = member.session->advertise(
      member.node, {.topic = "own", .schema = {}, .history = 2, .exclusive = true, .quota_bytes = 1 << 20});
  auto early = member.session->subscribe(
      member.node, {.topic = "own", .schema = {}, .queue_depth = 4, .history = 0, .blocking = false, .wants_fd = true});
  POLYBUS_EXPECT(eventually([&] { return own->port().subscribers() == 1; }));
  for (int i = 0; i < 3; ++i) send(*own, "first");
  POLYBUS_EXPECT(receive(*early) == "first");
  for (int i = 0; i < 8; ++i) send(*own, text_of_size(500));  // more than the queue holds
  POLYBUS_EXPECT(receive(*early) != "(nothing)");
  bus::Sample held = early->port().take();
  while (early->port().take() != nullptr) {
  }
  early->port().wait(1ms);

  auto late = member.subscriber("own");  // gets the kept values
  POLYBUS_EXPECT(receive(*late) == text_of_size(500));
  const auto big = member.session->advertise(
      member.node, {.topic = "big", .schema = {}, .history = 0, .exclusive = false, .quota_bytes = 1 << 20});
  outgrow(*big);

  auto shared = member.publisher("shared", 2);
  auto hears_all = member.subscriber("shared");
  POLYBUS_EXPECT(hears_all->fd() >= 0);
  for (int i = 0; i < 3; ++i) send(*shared, "noise");
  hears_all->port().wait(1ms);
  while (hears_all->port().take() != nullptr) {
  }
  const auto pushes = member.publisher("blocked");
  be_held_up(*pushes);

  own.reset();
  POLYBUS_EXPECT(eventually([&] { return early->port().publishers() == 0; }));
  held.reset();
  const uint32_t with_us = shared->port().subscribers();
  hears_all.reset();
  POLYBUS_EXPECT(eventually([&] { return shared->port().subscribers() < with_us; }));
  return 0;
}

}  // namespace polybus::fault

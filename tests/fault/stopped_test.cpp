// Processes that stand still for longer than any patience there is: in a debugger, suspended, starved.
#include <gmock/gmock.h>

#include "tests/fault/world.hpp"

namespace polybus::fault {
namespace {

using ::testing::HasSubstr;

// More than anybody waits for another: a starter's turn, an introduction, a connection that has not joined.
constexpr auto kLongerThanAnyPatience = 2500ms;

class Stopped : public World {
 protected:
  void SetUp() override { open_world(); }

  void expect_traffic_for(std::chrono::milliseconds time) {
    for (const auto end = Clock::now() + time; Clock::now() < end; std::this_thread::sleep_for(5ms)) expect_traffic();
  }
};

TEST_F(Stopped, processes_are_never_evicted_and_go_on_where_they_were) {
  Signal ready;
  Child other([&]() -> int {
    const auto member = join("other");
    const auto pub = member.publisher("to-us"), more = member.publisher("more");
    const auto sub = member.subscriber("to-them", 64);
    ready.give();
    for (;;) send(*pub, receive(*sub, 3600s));
  });
  ready.await();
  const auto to_them = witness.publisher("to-them");
  const auto to_us = witness.subscriber("to-us");
  send(*to_them, "before");
  EXPECT_EQ(receive(*to_us), "before");
  other.signal(SIGSTOP);
  ASSERT_EQ(fate_of(other.pid()).kind, Fate::stopped);
  send(*to_them, "meanwhile");
  expect_traffic_for(kLongerThanAnyPatience);
  EXPECT_EQ(witness.session->graph().nodes.size(), 3U) << "it was evicted";
  EXPECT_EQ(to_them->port().subscribers(), 1U);
  other.signal(SIGCONT);
  EXPECT_EQ(receive(*to_us), "meanwhile");
  send(*to_them, "after");
  EXPECT_EQ(receive(*to_us), "after");
}

TEST_F(Stopped, a_process_stopped_longer_than_any_timeout_as_by_a_debugger_goes_on) {
  constexpr auto kTimeout = 500ms;
  const auto call_everything_on = [&](const std::string& topic) {
    ConnectOptions impatient = options();
    impatient.timeout = kTimeout;
    const auto session = Session::join(impatient);
    const Member member{session, session->add_node("debugged", "c++")};
    const auto sub = member.subscriber(topic);
    const auto pub = member.publisher(topic);
    if (!eventually([&] { return pub->port().subscribers() == 1; })) return 1;
    send(*pub, "went on");
    return receive(*sub) == "went on" ? 0 : 2;
  };
  std::vector<std::pair<std::string, std::unique_ptr<Child>>> all;
  for (const auto& [point, count] : rehearse([&] { return call_everything_on("rehearsal"); }))
    for (const char* call : {"join.", "advertise.", "subscribe.", "connect.", "attach."})
      if (point.starts_with(call))
        all.emplace_back(point,
                         victim(at_point(point, SIGSTOP), [&, topic = point] { return call_everything_on(topic); }));
  ASSERT_GE(all.size(), 12U);
  for (const auto& [point, debugged] : all) ASSERT_EQ(fate_of(debugged->pid()).kind, Fate::stopped) << point;
  expect_traffic_for(2 * kTimeout);
  for (const auto& [point, debugged] : all) debugged->signal(SIGCONT);
  for (const auto& [point, debugged] : all) EXPECT_EQ(debugged->wait(), 0) << "stopped at " << point;
}

TEST_F(Stopped, a_process_stopped_longer_than_the_timeout_of_its_call_finds_the_answer_when_it_goes_on) {
  Signal ready, go, calling;
  Child debugged([&] {
    ConnectOptions impatient = options();
    impatient.timeout = 250ms;
    const auto session = Session::join(impatient);
    const Member member{session, session->add_node("debugged", "c++")};
    const auto sub = member.subscriber("before");
    ready.give();
    go.await();
    calling.give();
    const auto pub = member.publisher("before");
    // It does not wait for those who are there any more: its time is over.
    if (!pub->port().wait_for_subscribers(1, 20s)) return 2;
    send(*pub, "went on");
    return receive(*sub) == "went on" ? 0 : 1;
  });
  ready.await();
  busd_->signal(SIGSTOP);  // so that it cannot have its answer before it is stopped
  ASSERT_EQ(fate_of(busd_->pid()).kind, Fate::stopped);
  go.give();
  calling.await();
  ::usleep(10'000);  // likely while it waits; right also if it does not yet
  debugged.signal(SIGSTOP);
  ASSERT_EQ(fate_of(debugged.pid()).kind, Fate::stopped);
  busd_->signal(SIGCONT);
  expect_traffic_for(500ms);
  expect_service();
  debugged.signal(SIGCONT);
  EXPECT_EQ(debugged.wait(), 0);
}

TEST_F(Stopped, subscriber_costs_only_its_own_queue_and_counts_what_it_missed) {
  constexpr unsigned kQueue = 8, kFlood = 2000;
  Signal ready, receiving, caught_up;
  Child slow([&]() -> int {
    const auto member = join("slow");
    const auto sub = member.subscriber("flood", kQueue);
    ready.give();
    if (receive(*sub) != "before" || sub->port().lost() != 0) return 100;
    receiving.give();
    // Is stopped in this wait, and finds the newest when it goes on.
    unsigned taken = 0, last = 0;
    bool in_order = true;
    for (; last != kFlood; ++taken) {
      const auto number = static_cast<unsigned>(std::stoul(receive(*sub, 3600s)));
      in_order &= taken == 0 || number == last + 1;
      last = number;
    }
    const uint64_t lost = sub->port().lost();
    caught_up.give();
    if (!in_order || lost != kFlood - taken) return 101;
    if (receive(*sub) != "after" || sub->port().lost() != lost) return 102;
    return static_cast<int>(taken);
  });
  ready.await();
  const auto flood = witness.publisher("flood");
  const auto quick = witness.subscriber("flood", 64);
  ASSERT_TRUE(eventually([&] { return flood->port().subscribers() == 2; }));
  send(*flood, "before");
  EXPECT_EQ(receive(*quick), "before");
  receiving.await();
  slow.signal(SIGSTOP);
  ASSERT_EQ(fate_of(slow.pid()).kind, Fate::stopped);
  const uint64_t chunks = flood->port().chunks_in_use();
  for (unsigned i = 1; i <= kFlood; ++i) {
    send(*flood, std::to_string(i));
    EXPECT_EQ(receive(*quick), std::to_string(i));
  }
  EXPECT_EQ(quick->port().lost(), 0U);
  EXPECT_LE(flood->port().chunks_in_use(), chunks + 2 * kQueue) << "more than its queue, and what is on its way there";
  EXPECT_EQ(flood->port().subscribers(), 2U);
  expect_service();
  slow.signal(SIGCONT);
  caught_up.await();
  send(*flood, "after");
  const int taken = slow.wait();
  EXPECT_GE(taken, static_cast<int>(kQueue)) << "100 and more: what went wrong in it";
  EXPECT_LE(taken, static_cast<int>(2 * kQueue)) << "100 and more: what went wrong in it";
}

TEST_F(Stopped, publisher_costs_only_its_own_messages) {
  Signal ready;
  Child other([&]() -> int {
    const auto member = join("other");
    const auto pub = member.publisher("many");
    if (!pub->port().wait_for_subscribers(1, 10s)) return 1;
    ready.give();
    for (;;) send(*pub, "other");
  });
  const auto sub = witness.subscriber("many", 16);
  const auto pub = witness.publisher("many");
  ready.await();
  other.signal(SIGSTOP);
  ASSERT_EQ(fate_of(other.pid()).kind, Fate::stopped);
  while (sub->port().take() != nullptr) {  // what it pushed before
  }
  for (int i = 0; i < 1000; ++i) {
    send(*pub, std::to_string(i));
    EXPECT_EQ(receive(*sub), std::to_string(i));
  }
  expect_service();
  other.signal(SIGCONT);
  EXPECT_EQ(receive(*sub), "other");
}

// ---- those that asked to block -----------------------------------------------------------------------------------------

class Blockers : public Stopped {
 protected:
  // A subscriber of another process that has room for one message, and takes none.
  std::unique_ptr<Child> blocker() const {
    return std::make_unique<Child>([&]() -> int {
      const auto member = join("slow");
      const auto sub = member.session->subscribe(
          member.node,
          {.topic = "full", .schema = {}, .queue_depth = 1, .history = {}, .blocking = true, .wants_fd = false});
      ready.give();
      go.await();
      for (;;) receive(*sub, 3600s);
    });
  }
  static Code try_to_send(PublisherEnd& end, std::chrono::milliseconds timeout, std::string* message = nullptr) {
    bus::Loan loan = end.port().loan(8);
    try {
      end.port().send(loan, 8, timeout);
      return Code::ok;
    } catch (const Error& e) {
      if (message != nullptr) *message = e.what();
      return e.code();
    }
  }
  Signal ready, go;  // it is there; it shall take

  static void fill(PublisherEnd& end) {
    while (try_to_send(end, 0ms) == Code::ok) {
    }
  }
};

TEST_F(Blockers, that_are_stopped_hold_a_publisher_up_to_its_timeout_and_no_longer) {
  const auto slow = blocker();
  ready.await();
  const auto pub = witness.publisher("full");
  ASSERT_TRUE(eventually([&] { return pub->port().subscribers() == 1; }));
  fill(*pub);
  slow->signal(SIGSTOP);
  ASSERT_EQ(fate_of(slow->pid()).kind, Fate::stopped);
  std::string message;
  EXPECT_EQ(try_to_send(*pub, 50ms, &message), Code::timeout);
  EXPECT_THAT(message, HasSubstr("node slow (pid " + std::to_string(slow->pid()) + ")"));
  expect_traffic();
  slow->signal(SIGCONT);
  go.give();
  EXPECT_EQ(try_to_send(*pub, -1ms), Code::ok);
}

TEST_F(Blockers, that_are_killed_let_go_of_a_publisher_that_waits_without_a_timeout) {
  const auto slow = blocker();
  ready.await();
  const auto pub = witness.publisher("full");
  ASSERT_TRUE(eventually([&] { return pub->port().subscribers() == 1; }));
  fill(*pub);
  std::thread killer([&] {
    ::usleep(20'000);  // likely while it waits; right also if it does not yet
    slow->signal(SIGKILL);
  });
  EXPECT_EQ(try_to_send(*pub, -1ms), Code::ok);
  killer.join();
}

long used_ns(clockid_t clock) {
  timespec used{};
  ::clock_gettime(clock, &used);
  return used.tv_sec * 1'000'000'000L + used.tv_nsec;
}

TEST_F(Blockers, cost_a_waiting_publisher_hardly_any_of_the_processor_time_that_spinning_costs) {
  const auto slow = blocker();
  ready.await();
  const auto pub = witness.publisher("full");
  ASSERT_TRUE(eventually([&] { return pub->port().subscribers() == 1; }));
  fill(*pub);
  std::atomic<bool> is_sending{false};
  std::thread waiter([&] {
    is_sending = true;
    EXPECT_EQ(try_to_send(*pub, -1ms), Code::ok);
  });
  ASSERT_TRUE(eventually([&] { return is_sending.load(); }));
  clockid_t waiters_clock = 0;
  ASSERT_EQ(::pthread_getcpuclockid(waiter.native_handle(), &waiters_clock), 0);
  // Spins beside it, by its own clock: however busy the machine is, both would get about as much of it.
  const long before_ns = used_ns(waiters_clock), spinning_since_ns = used_ns(CLOCK_THREAD_CPUTIME_ID);
  long spun_ns = 0;
  while (spun_ns < 200'000'000) spun_ns = used_ns(CLOCK_THREAD_CPUTIME_ID) - spinning_since_ns;
  const long waited_ns = used_ns(waiters_clock) - before_ns;
  EXPECT_LT(waited_ns, spun_ns / 10) << "of the processor while another thread used " << spun_ns << " ns: it spins";
  go.give();
  waiter.join();
}

}  // namespace
}  // namespace polybus::fault

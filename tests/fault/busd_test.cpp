// busd stopped or killed at every step of what it does for a client; and whether the scenarios of this folder pass every fault
// point that the sources have.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/fault/world.hpp"

namespace polybus::fault {
namespace {

class FaultyBusd : public World {
 protected:
  FaultyBusd() : World(false) {}

  void start_faulty(const Plan& plan) {
    const std::string text = to_text(plan);
    busd_ = std::make_unique<Child>([&] {
      ::setenv("POLYBUS_TEST_FAULT", text.c_str(), 1);
      ::execl(POLYBUS_TEST_FAULTY_BUSD, "faulty-busd", "--bus", "test", "--socket", socket.c_str(), nullptr);
      return 127;
    });
    ASSERT_TRUE(eventually([&] {
      Fd probe;
      return connect_unix(socket, &probe) == discovery::Reached::yes;
    }));
  }

  // Where busd is away it cannot be started by clients of this test, so they come again.
  Member join_some_time(const std::string& name) const {
    for (const auto end = Clock::now() + kPatience;;) {
      try {
        return join(name);
      } catch (const Error& e) {
        if (e.code() != Code::no_bus || Clock::now() > end) throw;
        std::this_thread::sleep_for(2ms);
      }
    }
  }
  // Until a message went through: busd may be replaced meanwhile.
  int insist(const Member& member, const std::string& topic, uint32_t history) const {
    for (const auto end = Clock::now() + kPatience; Clock::now() < end;) {
      try {
        {
          const auto pub = member.publisher(topic, history);
          send(*pub, "kept");
        }
        const auto sub = member.subscriber(topic);
        const auto pub = member.publisher(topic, history);
        for (int i = 0; i < 100; ++i) {
          send(*pub, "x");
          if (receive(*sub, 20ms) == "x") return 0;
        }
      } catch (const Error& e) {
        if (e.code() != Code::disconnected && e.code() != Code::timeout) throw;
      }
    }
    return 3;
  }
  // What busd is asked for in the life of a client, with values of publishers that are gone, and a death.
  std::function<int()> demand() {
    return [this] {
      Child mortal(
          [this]() -> int { ::_exit(insist(join_some_time("mortal"), "mortal", 1)); });  // without taking leave
      const int outcome = mortal.wait();
      if (outcome != 0) return outcome;
      return insist(join_some_time("demanding"), "demand", 2);
    };
  }

  // A client that starts a busd, which is ended when the client has left: earlier, the client would start another one.
  void start_a_bus_of_its_own(const std::string& record) {
    const Folder alone;
    EXPECT_EQ(victim(recording(record),
                     [&] {
                       ConnectOptions own = options(true);
                       own.socket_path = alone / "test.sock";
                       std::ofstream(folder / "busd-pid") << Session::join(own)->graph().busd_pid;
                       return 0;
                     })
                  ->wait(),
              0);
    pid_t started = 0;
    std::ifstream(folder / "busd-pid") >> started;
    ASSERT_GT(started, 0);
    ::kill(started, SIGTERM);
    EXPECT_TRUE(eventually([&] { return std::filesystem::is_empty(alone.path()); }));
  }

  std::vector<Passed> rehearse_service() {
    const std::string record = folder / "busd-rehearsal";
    start_faulty(recording(record));
    open_world();
    const auto before = read_record(record);
    EXPECT_EQ(victim({}, demand())->wait(), 0);
    close_world();
    stop_busd();
    auto reached = read_record(record);
    std::filesystem::remove(record);
    std::erase_if(reached, [](const auto& r) { return !r.point.starts_with("registry."); });
    for (auto& r : reached) {  // how often while the world was opened: the plan counts from the start
      for (const auto& b : before)
        if (b.point == r.point) r.count = b.count + 1;
      if (std::none_of(before.begin(), before.end(), [&](const auto& b) { return b.point == r.point; })) r.count = 1;
    }
    return reached;
  }

  void at_every_step_of_serving(int signal) {
    const auto steps = rehearse_service();
    ASSERT_GE(steps.size(), 10U);
    for (const Passed& step : steps) {
      const Plan plan = at_point(step.point, signal, step.count);
      SCOPED_TRACE(to_text(plan));
      start_faulty(plan);
      open_world();
      const auto client = victim({}, demand());
      const Fate fate = fate_of(busd_->pid());
      ASSERT_EQ(fate.kind, signal == SIGSTOP ? Fate::stopped : Fate::killed);
      for (int i = 0; i < 3; ++i) expect_traffic();
      if (signal == SIGSTOP) {
        busd_->signal(SIGCONT);
      } else {
        busd_->wait();
        start_busd();
        ASSERT_TRUE(eventually([&] { return witness.session->connected(); }));
      }
      EXPECT_EQ(client->wait(), 0) << "the client that asked was not served in the end";
      await_connections();
      expect_service();
      close_world();
      stop_busd();
    }
    std::printf("at %zu points\n", steps.size());
  }
};

TEST_F(FaultyBusd, killed_at_any_step_of_serving_is_survived_and_replaced) { at_every_step_of_serving(SIGKILL); }
TEST_F(FaultyBusd, stopped_at_any_step_of_serving_holds_up_nobodys_messages_and_goes_on) {
  at_every_step_of_serving(SIGSTOP);
}

TEST_F(FaultyBusd, killed_while_it_ends_is_replaced_by_the_next) {
  for (const std::string step : {"busd.ending", "busd.socket_removed", "busd.registry_gone"}) {
    SCOPED_TRACE(step);
    start_faulty(at_point(step, SIGKILL));
    EXPECT_EQ(busd_->end(SIGTERM), 128 + SIGKILL);
    start_busd();
    open_world();
    close_world();
    stop_busd();
  }
}

TEST_F(FaultyBusd, FaultPoints_of_the_sources_are_all_passed_by_the_scenarios) {
  const std::string busd_record = folder / "busd", client_record = folder / "client";
  start_faulty(recording(busd_record));
  open_world();
  EXPECT_EQ(victim(recording(client_record), [this] { return live_a_life(); })->wait(), 0);
  EXPECT_EQ(victim(recording(client_record), demand())->wait(), 0);
  start_a_bus_of_its_own(client_record);
  // One that sees busd go and come back.
  Signal ready;
  const auto survivor = victim(recording(client_record), [&] {
    const auto member = join("survivor");
    const auto pub = member.publisher("shared", 1);
    const auto sub = member.subscriber("shared");
    send(*pub, "noise");
    const auto watch = member.session->watch();
    ready.give();
    for (;;) {
      const auto event = watch->next(20s, nullptr);
      if (!event) return 3;
      if (event->event == "registry_back") return 0;
    }
  });
  ready.await();
  stop_busd();
  start_busd();
  EXPECT_EQ(survivor->wait(), 0);
  close_world();

  std::vector<std::string> passed;
  for (const std::string& record : {busd_record, client_record})
    for (const auto& reached : read_record(record)) passed.push_back(reached.point);
  std::vector<std::string> missed;
  const auto points = points_of_the_sources();
  for (const std::string& point : points)
    if (std::find(passed.begin(), passed.end(), point) == passed.end()) missed.push_back(point);
  EXPECT_GT(points.size(), 80U);
  EXPECT_THAT(missed, ::testing::IsEmpty());
}

}  // namespace
}  // namespace polybus::fault

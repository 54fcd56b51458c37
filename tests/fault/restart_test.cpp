// Steps of coming back after a restart of busd: a client stopped or killed at any of them, and everybody else.
#include <set>

#include "tests/fault/world.hpp"

namespace polybus::fault {
namespace {

class Comebacks : public World {
 protected:
  void SetUp() override { open_world(); }

  // Has ends and values of its own, and is there until busd has gone and come back. Tells when it is ready for that.
  std::function<int()> survivor(const std::shared_ptr<Signal>& ready) {
    return [this, ready] {
      const auto member = join("survivor");
      const auto pub = member.publisher("shared", 2);
      const auto sub = member.subscriber("shared");
      const auto watch = member.session->watch();
      send(*pub, "noise");
      ready->give();
      for (const auto end = Clock::now() + kPatience; Clock::now() < end;) {
        const auto event = watch->next(1s, nullptr);
        if (!event || event->event != "registry_back") continue;
        if (!eventually([&] { return pub->port().subscribers() == 3 && sub->port().publishers() == 3; })) return 3;
        send(*pub, "noise");
        return 0;
      }
      return 4;
    };
  }

  void restart_busd() {
    kill_busd();
    expect_traffic();  // over what connections there are
    start_busd();
  }
  void expect_all_back() {
    ASSERT_TRUE(eventually([&] { return witness.session->connected(); }));
    await_connections();
    expect_service();
  }

  std::vector<Passed> rehearse_comeback() {
    const auto ready = std::make_shared<Signal>();
    const std::string record = folder / "rehearsal";
    const auto process = victim(recording(record), survivor(ready));
    ready->await();
    const std::vector<Passed> before = read_record(record);
    std::filesystem::remove(record);  // it goes on writing into the file that has no name any more
    restart_busd();
    EXPECT_EQ(process->wait(), 0);
    expect_all_back();
    std::set<std::string> points;
    for (const std::string& point : points_of_the_sources())
      if (point.starts_with("rebind.") || point.starts_with("rejoin.")) points.insert(point);
    std::vector<Passed> wanted;
    for (const std::string& point : points) wanted.push_back({point, 1});
    return wanted;
  }

  void at_every_step_of_coming_back(int signal) {
    for (const Passed& step : rehearse_comeback()) {
      const Plan plan = at_point(step.point, signal, 1);
      SCOPED_TRACE(to_text(plan));
      const auto ready = std::make_shared<Signal>();
      const auto process = victim(plan, survivor(ready));
      ready->await();
      restart_busd();
      const Fate fate = fate_of(process->pid());
      ASSERT_EQ(fate.kind, signal == SIGSTOP ? Fate::stopped : Fate::killed) << "ended with " << fate.number;
      if (signal == SIGKILL) process->wait();
      expect_all_back();
      if (signal == SIGKILL) continue;
      process->signal(SIGCONT);
      EXPECT_EQ(process->wait(), 0) << "it does not come back";
    }
  }
};

TEST_F(Comebacks, killed_at_any_step_harm_nobody) { at_every_step_of_coming_back(SIGKILL); }
TEST_F(Comebacks, stopped_at_any_step_harm_nobody_and_go_on) { at_every_step_of_coming_back(SIGSTOP); }

}  // namespace
}  // namespace polybus::fault

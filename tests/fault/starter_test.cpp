// The first client of a bus, and the busd that it starts, stopped or killed at any step of starting: the next client finds or
// makes a bus all the same.
#include "tests/fault/world.hpp"

namespace polybus::fault {
namespace {

class Starters : public World {
 protected:
  Starters() : World(false) {}

  // A bus of its own for each try.
  static ConnectOptions on(const Folder& where) {
    ConnectOptions options;
    options.bus = "test";
    options.socket_path = where / "test.sock";
    options.timeout = 15s;
    options.autostart = true;
    return options;
  }
  static int start(const Folder& where) {
    const auto session = Session::join(on(where));
    const uint64_t node = session->add_node("starter", "c++");
    const auto end =
        session->advertise(node, {.topic = "t", .schema = {}, .history = 0, .exclusive = false, .quota_bytes = 0});
    return 0;
  }
  // Joins as well, whatever became of the first one, and ends the bus. Its files are gone then, too.
  static void expect_next_is_served(const Folder& where, const std::function<void()>& meanwhile) {
    pid_t busd = 0;
    {
      const auto session = Session::join(on(where));
      session->add_node("next", "c++");
      busd = static_cast<pid_t>(session->graph().busd_pid);
      meanwhile();
      EXPECT_TRUE(eventually([&] { return session->graph().nodes.size() == 1; }));
    }
    ::kill(busd, SIGTERM);
    EXPECT_TRUE(eventually([&] { return std::filesystem::is_empty(where.path()); }))
        << std::filesystem::directory_iterator(where.path())->path();
  }

  std::vector<Passed> rehearse_start() {
    const Folder where;
    auto reached = rehearse([&] { return start(where); });
    expect_next_is_served(where, [] {});
    std::erase_if(reached,
                  [](const auto& r) { return !r.point.starts_with("start.") && !r.point.starts_with("join."); });
    return reached;
  }
};

TEST_F(Starters, killed_at_any_step_block_nobody) {
  const auto steps = rehearse_start();
  ASSERT_GE(steps.size(), 10U);
  for (const Passed& step : steps) {
    SCOPED_TRACE(step.point);
    const Folder where;
    const auto process = victim(at_point(step.point, SIGKILL), [&] { return start(where); });
    EXPECT_EQ(process->wait(), 128 + SIGKILL);
    expect_next_is_served(where, [] {});
  }
}

TEST_F(Starters, stopped_at_any_step_block_nobody_and_go_on) {
  const auto steps = rehearse_start();
  ASSERT_GE(steps.size(), 10U);
  for (const Passed& step : steps) {
    SCOPED_TRACE(step.point);
    const Folder where;
    const auto process = victim(at_point(step.point, SIGSTOP), [&] { return start(where); });
    ASSERT_EQ(fate_of(process->pid()).kind, Fate::stopped);
    expect_next_is_served(where, [&] {
      process->signal(SIGCONT);
      EXPECT_EQ(process->wait(), 0) << "it does not go on";
    });
  }
}

// ---- the busd that is started ----------------------------------------------------------------------------------------

class Newborns : public Starters {
 protected:
  const std::vector<std::string> steps = {"busd.locked", "busd.listens", "busd.counter_file_made", "busd.starter_told"};
};

TEST_F(Newborns, killed_at_any_step_are_replaced_by_the_next) {
  for (const std::string& step : steps) {
    SCOPED_TRACE(step);
    const Folder where;
    const auto process = victim({}, [&] {
      ::setenv("POLYBUS_BUSD", POLYBUS_TEST_FAULTY_BUSD, 1);
      ::setenv("POLYBUS_TEST_FAULT", to_text(at_point(step, SIGKILL)).c_str(), 1);
      ConnectOptions options = on(where);
      options.timeout = 500ms;
      try {
        Session::join(options);
      } catch (const Error& e) {
        return e.code() == Code::no_bus || e.code() == Code::timeout ? 0 : 1;
      }
      return 2;
    });
    EXPECT_EQ(process->wait(), 0);
    expect_next_is_served(where, [] {});
  }
}

TEST_F(Newborns, stopped_at_any_step_are_a_timeout_and_serve_when_they_go_on) {
  for (const std::string& step : steps) {
    SCOPED_TRACE(step);
    const Folder where;
    const std::string text = to_text(at_point(step, SIGSTOP));
    Child busd([&] {
      ::setenv("POLYBUS_TEST_FAULT", text.c_str(), 1);
      ::execl(POLYBUS_TEST_FAULTY_BUSD, "faulty-busd", "--bus", "test", "--socket", on(where).socket_path.c_str(),
              nullptr);
      return 127;
    });
    ASSERT_EQ(fate_of(busd.pid()).kind, Fate::stopped);
    ConnectOptions impatient = on(where);
    impatient.timeout = 300ms;
    try {
      Session::join(impatient);
      ADD_FAILURE() << "joined a bus that is not served";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Code::timeout) << e.what();
    }
    busd.signal(SIGCONT);
    expect_next_is_served(where, [] {});
    EXPECT_EQ(busd.wait(), 0);
  }
}

}  // namespace
}  // namespace polybus::fault

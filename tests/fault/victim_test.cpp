// A client stopped or killed at every single step of its life, and everybody else.
#include <algorithm>

#include "tests/fault/world.hpp"

namespace polybus::fault {
namespace {

// Points that a client's life does not pass: those of busd, of whoever starts it, and of coming back after a restart, which
// have scenarios of their own.
bool is_not_of_a_life(const std::string& point) {
  for (const char* place : {"busd.", "registry.", "start.", "rebind.", "rejoin."})
    if (point.starts_with(place)) return true;
  return false;
}

class Victims : public World {
 protected:
  void SetUp() override {
    open_world();
    ASSERT_EQ(victim({}, life)->wait(), 0);
    ASSERT_TRUE(eventually([&] { return witness.session->graph().nodes.size() == 2; }));
    take_what_is_left();
  }

  void killed_everywhere(unsigned part, unsigned parts) {
    const long fds = busd_fds();
    const uint64_t book = book_bytes();
    at_every_point(life, SIGKILL, part, parts, is_not_of_a_life, [&](Child&, const Plan& plan) {
      expect_traffic();
      if (plan.hit != 1) return;
      expect_service();
      EXPECT_EQ(victim({}, life)->wait(), 0) << "another one cannot take its place";
      take_what_is_left();
    });
    expect_nothing_accumulated(fds, book);
  }

  void stopped_everywhere(unsigned part, unsigned parts) {
    at_every_point(life, SIGSTOP, part, parts, is_not_of_a_life, [&](Child& victim, const Plan& plan) {
      expect_traffic();
      if (plan.hit == 1) expect_service();
      victim.signal(SIGCONT);
      EXPECT_EQ(victim.wait(), 0) << "it does not go on";
      take_what_is_left();
    });
  }

  // After one more undisturbed life, whose kept values take the place of all earlier ones.
  void expect_nothing_accumulated(long fds, uint64_t book) {
    EXPECT_EQ(victim({}, life)->wait(), 0);
    take_what_is_left();
    ASSERT_TRUE(eventually([&] { return witness.session->graph().nodes.size() == 2; }));
    take_what_is_left();
    EXPECT_TRUE(eventually([&] { return publisher->port().subscribers() == 2; })) << publisher->port().subscribers();
    EXPECT_TRUE(eventually([&] { return busd_fds() <= fds; })) << busd_fds() << " descriptors of busd, before " << fds;
    EXPECT_TRUE(eventually([&] { return book_bytes() <= book + kBookSlackBytes; }))
        << book_bytes() << " bytes, before " << book;
    for (int i = 0; i < 2; ++i) expect_traffic();
    EXPECT_TRUE(eventually([&] {
      expect_traffic();                               // a send collects what came back
      return publisher->port().chunks_in_use() <= 8;  // what waits, and the newest that each subscriber keeps
    })) << publisher->port().chunks_in_use()
        << " chunks of the witness are in use";
  }

  const std::function<int()> life = [this] { return live_a_life(); };
};

TEST_F(Victims, killed_at_any_step_harm_nobody_and_leave_nothing_1) { killed_everywhere(0, 3); }
TEST_F(Victims, killed_at_any_step_harm_nobody_and_leave_nothing_2) { killed_everywhere(1, 3); }
TEST_F(Victims, killed_at_any_step_harm_nobody_and_leave_nothing_3) { killed_everywhere(2, 3); }
TEST_F(Victims, stopped_at_any_step_harm_nobody_and_go_on_1) { stopped_everywhere(0, 3); }
TEST_F(Victims, stopped_at_any_step_harm_nobody_and_go_on_2) { stopped_everywhere(1, 3); }
TEST_F(Victims, stopped_at_any_step_harm_nobody_and_go_on_3) { stopped_everywhere(2, 3); }

}  // namespace
}  // namespace polybus::fault

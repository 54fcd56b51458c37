// A new process in the place of one that was killed.
#include <gmock/gmock.h>

#include "tests/fault/world.hpp"

namespace polybus::fault {
namespace {

// So much memory takes a while to give back: a killed process with it is seen to be dead only then.
constexpr size_t kBallastBytes = 32 << 20;
constexpr int kGenerations = 40;

class Successors : public World {
 protected:
  void SetUp() override { open_world(); }

  static std::shared_ptr<PublisherEnd> take_the_place(const Member& member) {
    return member.session->advertise(
        member.node, {.topic = "place", .schema = {}, .history = 1, .exclusive = true, .quota_bytes = 1 << 20});
  }
  // On its word takes the place, without trying again, and publishes its name flat out.
  struct Heir {
    Heir(const Successors& world, const std::string& name, bool joins_before_the_word)
        : process([&, name, joins_before_the_word]() -> int {
            const std::vector<char> ballast(kBallastBytes, 'x');
            Member member;
            if (joins_before_the_word) member = world.join(name);
            ready.give();
            go.await();
            if (!joins_before_the_word) member = world.join(name);
            const auto pub = take_the_place(member);
            for (;;) send(*pub, name);
          }) {}
    Signal ready, go;
    Child process;
  };
  // False: it has ended, that is, it was refused.
  static bool hears(const std::shared_ptr<SubscriberEnd>& listener, const std::string& name, pid_t from) {
    bool heard = false;
    eventually([&] {
      heard = receive(*listener, 100ms) == name;
      return heard || has_ended(from);
    });
    return heard;
  }
  void one_after_the_other(bool join_before_the_word) {
    const auto listener = witness.subscriber("place", 4);
    std::unique_ptr<Heir> holder;
    for (int i = 0; i < kGenerations; ++i) {
      const std::string name = "heir-" + std::to_string(i);
      auto heir = std::make_unique<Heir>(*this, name, join_before_the_word);
      heir->ready.await();
      if (holder != nullptr) holder->process.signal(SIGKILL);  // it is not waited for: it may not have noticed itself
      heir->go.give();
      ASSERT_TRUE(hears(listener, name, heir->process.pid())) << name << " was refused";
      holder = std::move(heir);
    }
    holder.reset();
    EXPECT_TRUE(eventually([&] { return witness.session->graph().nodes.size() == 2; }));
    expect_service();
  }
};

TEST_F(Successors, a_new_process_can_take_the_place_of_a_killed_one_at_once) { one_after_the_other(false); }
TEST_F(Successors, that_are_on_the_bus_already_can_take_the_place_of_a_killed_one_at_once) {
  one_after_the_other(true);
}

TEST_F(Successors, do_not_get_the_place_of_one_that_is_stopped) {
  Heir holder(*this, "holder", true);
  holder.ready.await();
  const auto listener = witness.subscriber("place");
  holder.go.give();
  ASSERT_TRUE(hears(listener, "holder", holder.process.pid()));
  holder.process.signal(SIGSTOP);
  ASSERT_EQ(fate_of(holder.process.pid()).kind, Fate::stopped);
  try {
    take_the_place(witness);
    ADD_FAILURE() << "two publishers where one wants to be alone";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::exclusive);
  }
  holder.process.signal(SIGKILL);
  const auto pub = take_the_place(witness);
  ASSERT_TRUE(eventually([&] { return pub->port().subscribers() == 1; }));
  send(*pub, "successor");
  EXPECT_TRUE(eventually([&] { return receive(*listener) == "successor"; }));
}

}  // namespace
}  // namespace polybus::fault

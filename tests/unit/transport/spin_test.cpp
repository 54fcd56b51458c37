// When a waiter spins before it sleeps, and when it does not.
#include "bus/transport/spin.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace polybus::bus {
namespace {

using namespace std::chrono_literals;

constexpr auto kNever = Spin::Duration::zero();

class Spinning : public testing::Test {
 protected:
  Spin spin{true};
};

TEST(Spin, is_of_no_use_on_a_single_processor) {
  Spin spin{false};
  spin.slept(15us, 10us);
  EXPECT_EQ(spin.begin(), kNever);
}

TEST_F(Spinning, who_never_slept_sleeps_at_once) { EXPECT_EQ(spin.begin(), kNever); }

TEST_F(Spinning, a_message_that_came_sooner_than_waking_takes_makes_the_next_wait_look_first) {
  spin.slept(15us, 10us);
  EXPECT_EQ(spin.begin(), 20us);
  EXPECT_EQ(spin.begin(), 20us) << "as long as that finds something";
}

TEST_F(Spinning, messages_further_apart_than_waking_takes_are_slept_for) {
  spin.slept(15us, 10us);
  spin.slept(1ms, 10us);
  EXPECT_EQ(spin.begin(), kNever);
}

TEST_F(Spinning, never_lasts_longer_than_its_bound) {
  spin.slept(90us, 10ms);
  EXPECT_EQ(spin.begin(), Spin::kSpinMax);
  spin.slept(101us, 10ms);
  EXPECT_EQ(spin.begin(), kNever);
}

TEST_F(Spinning, in_vain_is_tried_ever_more_seldom) {
  spin.slept(1us, 10us);
  int waits_before = 0;
  for (int round = 0; round < 8; ++round) {
    int waits = 0;
    while (spin.begin() == kNever) ++waits;
    EXPECT_GE(waits, waits_before);
    waits_before = waits;
    spin.missed();
  }
  EXPECT_GE(waits_before, 64);
}

TEST_F(Spinning, that_finds_something_forgets_earlier_failures) {
  spin.slept(1us, 10us);
  spin.missed();
  spin.missed();
  while (spin.begin() == kNever) continue;
  spin.found();
  EXPECT_NE(spin.begin(), kNever);
}

}  // namespace
}  // namespace polybus::bus

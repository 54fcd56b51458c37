#include "adapters/cpp/src/deadline.hpp"

#include <gtest/gtest.h>

using polybus::Timeout;
using polybus::detail::Deadline;
using polybus::detail::in_milliseconds;
using namespace std::chrono_literals;

TEST(Deadline, of_zero_has_passed) {
  EXPECT_TRUE(Deadline(0s).passed());
  EXPECT_EQ(Deadline(0s).left(), 0s);
}

TEST(Deadline, never_comes_for_negative_and_for_absurd_timeouts) {
  EXPECT_LT(Deadline(-1ns).left(), 0s);
  EXPECT_LT(Deadline(Timeout::max()).left(), 0s);
  EXPECT_FALSE(Deadline(Timeout::max()).passed());
}

TEST(Deadline, counts_down) {
  const Deadline deadline(1h);
  EXPECT_GT(deadline.left(), 59min);
  EXPECT_LE(deadline.left(), 1h);
}

TEST(Deadline, rounds_up_to_milliseconds) {
  EXPECT_EQ(in_milliseconds(1ns).count(), 1);
  EXPECT_EQ(in_milliseconds(0ns).count(), 0);
  EXPECT_EQ(in_milliseconds(2ms).count(), 2);
  EXPECT_EQ(in_milliseconds(-5s).count(), -1);
  EXPECT_EQ(in_milliseconds(Timeout::max()).count(), -1);
}

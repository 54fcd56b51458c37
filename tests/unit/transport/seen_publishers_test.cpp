// What a subscriber remembers of publishers over restarts of busd has a bound, and forgets those first who cannot come again.
#include "bus/transport/seen_publishers.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace polybus::bus::test {
namespace {

uint32_t dead_process() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  return static_cast<uint32_t>(pid);
}

const auto kNobody = [](uint64_t) { return false; };

TEST(SeenPublishers, are_remembered_by_the_newest_that_was_delivered) {
  SeenPublishers seen;
  EXPECT_FALSE(seen.find(1));
  seen.note(1, 0, 5, kNobody);
  seen.note(1, 0, 3, kNobody);
  EXPECT_EQ(seen.find(1), 5u);
  seen.note(1, 0, 7, kNobody);
  EXPECT_EQ(seen.find(1), 7u);
}

TEST(SeenPublishers, whose_process_is_dead_are_forgotten_first_and_all_others_kept) {
  const uint32_t dead = dead_process(), self = static_cast<uint32_t>(::getpid());
  SeenPublishers seen;
  for (uint64_t id = 1; id <= 2000; ++id) seen.note(id, self, id, kNobody);
  for (uint64_t id = 10'000; id < 40'000; ++id) {
    seen.note(id, dead, id, kNobody);
    ASSERT_LE(seen.size(), SeenPublishers::kMax);
  }
  for (uint64_t id = 1; id <= 2000; ++id) ASSERT_EQ(seen.find(id), id);
  EXPECT_EQ(seen.find(39'999), 39'999u);
}

TEST(SeenPublishers, that_are_connected_are_never_forgotten_and_the_newest_of_the_others_neither) {
  const uint32_t self = static_cast<uint32_t>(::getpid());
  const auto is_connected = [](uint64_t id) { return id <= 1024; };
  SeenPublishers seen;
  for (uint64_t id = 1; id <= 50'000; ++id) {
    seen.note(id, self, id, is_connected);
    ASSERT_LE(seen.size(), SeenPublishers::kMax);
  }
  for (uint64_t id = 1; id <= 1024; ++id) ASSERT_EQ(seen.find(id), id);
  for (uint64_t id = 49'001; id <= 50'000; ++id) ASSERT_EQ(seen.find(id), id);
}

}  // namespace
}  // namespace polybus::bus::test

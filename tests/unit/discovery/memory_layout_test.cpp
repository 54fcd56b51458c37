// How busd cuts up the window and the book.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <random>
#include <set>

#include "discovery/registry/book.hpp"
#include "discovery/registry/ranges.hpp"

namespace polybus::registry {
namespace {

TEST(Ranges, never_overlap_and_come_back_whole) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  Ranges ranges(1000, 101'000);
  std::map<uint64_t, uint64_t> taken;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0 || taken.empty()) {
      const uint64_t bytes = random() % 3000 + 1;
      const auto offset = ranges.take(bytes);
      if (!offset) continue;
      ASSERT_GE(*offset, 1000u);
      ASSERT_LE(*offset + bytes, 101'000u);
      const auto after = taken.lower_bound(*offset);
      if (after != taken.end()) {
        ASSERT_LE(*offset + bytes, after->first) << "seed " << seed;
      }
      if (after != taken.begin()) {
        ASSERT_LE(std::prev(after)->first + std::prev(after)->second, *offset) << "seed " << seed;
      }
      taken.emplace(*offset, bytes);
    } else {
      const auto victim = std::next(taken.begin(), random() % taken.size());
      ranges.give_back(victim->first, victim->second);
      taken.erase(victim);
    }
  }
  for (const auto& [offset, bytes] : taken) ranges.give_back(offset, bytes);
  EXPECT_EQ(ranges.free_bytes(), 100'000u);
  EXPECT_EQ(ranges.take(100'000), 1000u) << "seed " << seed;  // in one piece
}

TEST(Ranges, give_the_lowest_place_that_fits) {
  Ranges ranges(0, 100);
  EXPECT_EQ(ranges.take(40), 0u);
  EXPECT_EQ(ranges.take(40), 40u);
  ranges.give_back(0, 40);
  EXPECT_EQ(ranges.take(50), std::nullopt);
  EXPECT_EQ(ranges.take(20), 0u);
  EXPECT_EQ(ranges.take(20), 20u);
  EXPECT_EQ(ranges.take(20), 80u);
  EXPECT_EQ(ranges.take(1), std::nullopt);
}

TEST(Book, hands_out_blocks_that_do_not_overlap_and_are_never_zero) {
  Book book;
  std::map<uint64_t, uint64_t> taken;
  const auto note = [&](uint64_t offset, uint64_t bytes) {
    EXPECT_NE(offset, 0u);
    EXPECT_TRUE(taken.emplace(offset, bytes).second);
  };
  for (int i = 0; i < 50; ++i) {
    note(book.take_publisher(), bus::kPublisherBlockBytes);
    note(book.take_subscriber(), bus::kSubscriberBlockBytes);
    note(book.take_connection(), bus::kConnectionBlockBytes);
  }
  uint64_t end = 0;
  for (const auto& [offset, bytes] : taken) {
    EXPECT_GE(offset, end);
    EXPECT_EQ(offset % 1024, 0u);
    end = offset + bytes;
    std::memset(book.at(offset), 0xff, bytes);  // is there
  }
  EXPECT_EQ(book.blocks_in_use(), 150u);
}

TEST(Book, uses_returned_blocks_again_and_clean) {
  Book book;
  const uint64_t connection = book.take_connection();
  std::memset(book.at(connection), 0xff, bus::kConnectionBlockBytes);
  book.give_back_connection(connection);
  EXPECT_EQ(book.take_connection(), connection);
  EXPECT_EQ(*static_cast<char*>(book.at(connection)), 0);
  const uint64_t subscriber = book.take_subscriber();
  book.give_back_subscriber(subscriber);
  EXPECT_EQ(book.take_subscriber(), subscriber);
}

TEST(Memory, cannot_be_shrunk_by_anybody) {
  const discovery::Fd fd = make_memory("test");
  EXPECT_EQ(::ftruncate(fd.get(), 8192), 0);
  EXPECT_NE(::ftruncate(fd.get(), 4096), 0);
}

}  // namespace
}  // namespace polybus::registry

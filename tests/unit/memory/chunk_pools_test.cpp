#include "bus/memory/chunk_pools.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "bus/memory/message_header.hpp"
#include "bus/transport/limits.hpp"
#include "tests/unit/memory/extent_fixture.hpp"

namespace polybus::bus::test {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1 << 30;

struct Pools : OneExtent {
  explicit Pools(uint64_t quota) : OneExtent(quota), pools(extent, fd, quota) {}
  ChunkId take(uint64_t bytes) { return pools.allocate(bytes, true).id; }
  Shortage shortage(uint64_t bytes) { return pools.allocate(bytes, true).shortage; }
  // Until nothing is left.
  std::vector<ChunkId> take_all(uint64_t bytes) {
    std::vector<ChunkId> chunks;
    for (ChunkId chunk = take(bytes); chunk != ChunkId::none; chunk = take(bytes)) chunks.push_back(chunk);
    return chunks;
  }
  void release(const std::vector<ChunkId>& chunks) {
    for (ChunkId chunk : chunks) pools.release(chunk);
  }
  ChunkPools pools;
};

TEST(ChunkPools, give_aligned_room_for_what_was_asked_and_waste_at_most_a_fifth) {
  Pools memory(64 * kMiB);
  for (uint64_t bytes : {0, 1, 63, 64, 65, 152, 500, 1000, 4096, 10'000, 65'536, 100'001, 1'000'000, 3'000'000}) {
    const ChunkId chunk = memory.take(bytes);
    ASSERT_NE(chunk, ChunkId::none) << bytes;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.pools.payload(chunk)) % 64, 0U) << bytes;
    EXPECT_GE(memory.pools.payload_capacity(chunk), bytes);
    if (bytes >= 500) {
      EXPECT_LE(memory.pools.payload_capacity(chunk), (bytes + 256) * 5 / 4) << bytes;
    }
  }
}

TEST(ChunkPools, keep_every_chunk_apart_from_every_other_and_inside_the_file) {
  Pools memory(16 * kMiB);
  std::mt19937 random(3);
  struct Piece {
    ChunkId chunk;
    uint64_t bytes;
    char content;
  };
  std::vector<Piece> pieces;
  for (int round = 0; round < 2000; ++round) {
    const uint64_t bytes = random() % (random() % 8 == 0 ? 200'000 : 2000);
    const ChunkId chunk = memory.take(bytes);
    if (chunk != ChunkId::none) {
      ASSERT_LE(memory.pools.offset(chunk) - kBookBytesMax + bytes, memory.file_bytes());
      pieces.push_back({chunk, bytes, static_cast<char>(random())});
      std::memset(memory.pools.payload(chunk), pieces.back().content, bytes);
    }
    if (chunk != ChunkId::none && random() % 3 != 0) continue;
    if (pieces.empty()) continue;
    std::swap(pieces[random() % pieces.size()], pieces.back());
    const Piece& gone = pieces.back();
    const auto* content = reinterpret_cast<const char*>(memory.pools.payload(gone.chunk));
    ASSERT_TRUE(std::all_of(content, content + gone.bytes, [&](char c) { return c == gone.content; })) << round;
    memory.pools.release(gone.chunk);
    pieces.pop_back();
  }
  EXPECT_EQ(memory.pools.chunks_in_use(), pieces.size());
}

TEST(ChunkPools, double_with_demand_and_the_file_with_them) {
  Pools memory(16 * kMiB);
  EXPECT_EQ(memory.file_bytes(), 0U) << "nothing is taken before it is needed";
  uint64_t before = 0;
  std::vector<uint64_t> steps;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_NE(memory.take(1000), ChunkId::none);
    const uint64_t now = memory.pools.bytes_in_pools();
    if (now != before) steps.push_back(now);
    before = now;
    EXPECT_EQ(memory.file_bytes(), now);
  }
  ASSERT_GE(steps.size(), 4U);
  EXPECT_LE(steps.size(), 8U);
  for (size_t i = 1; i < steps.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(steps[i]) / static_cast<double>(steps[i - 1]), 2.0, 0.1);
  }
}

TEST(ChunkPools, use_a_released_chunk_again_before_they_grow) {
  Pools memory(16 * kMiB);
  const ChunkId first = memory.take(1000);
  const uint64_t grown = memory.pools.bytes_in_pools();
  std::vector<uint64_t> places;
  for (int i = 0; i < 10'000; ++i) {
    const ChunkId chunk = memory.take(1000);
    places.push_back(memory.pools.offset(chunk));
    memory.pools.release(chunk);
  }
  EXPECT_EQ(memory.pools.bytes_in_pools(), grown);
  EXPECT_EQ(memory.pools.chunks_in_use(), 1U);
  EXPECT_EQ(std::count(places.begin(), places.end(), memory.pools.offset(first)), 0);
}

TEST(ChunkPools, free_a_chunk_with_its_last_reference) {
  Pools memory(16 * kMiB);
  const ChunkId chunk = memory.take(1000);
  memory.pools.add_reference(chunk);
  memory.pools.add_reference(chunk);
  memory.pools.release(chunk);
  memory.pools.release(chunk);
  EXPECT_EQ(memory.pools.chunks_in_use(), 1U);
  memory.pools.release(chunk);
  EXPECT_EQ(memory.pools.chunks_in_use(), 0U);
}

TEST(ChunkPools, change_nothing_when_they_may_not_grow) {
  Pools memory(16 * kMiB);
  const auto refused = memory.pools.allocate(1000, false);
  EXPECT_EQ(refused.id, ChunkId::none);
  EXPECT_EQ(refused.shortage, Shortage::quota);
  EXPECT_EQ(memory.pools.bytes_in_pools(), 0U);
  memory.pools.release(memory.take(1000));
  EXPECT_NE(memory.pools.allocate(1000, false).id, ChunkId::none);
  EXPECT_EQ(memory.pools.allocate(100'000, false).id, ChunkId::none) << "of another size";
}

TEST(ChunkPools, end_at_the_quota_and_go_on_when_something_is_released) {
  Pools memory(1 * kMiB);
  const auto chunks = memory.take_all(10'000);
  EXPECT_GE(chunks.size(), 80U) << "of a quota of 104";
  EXPECT_EQ(memory.shortage(10'000), Shortage::quota);
  EXPECT_LE(memory.pools.bytes_in_pools(), 1 * kMiB);
  EXPECT_LE(memory.file_bytes(), 1 * kMiB);
  memory.pools.release(chunks[17]);
  const ChunkId again = memory.take(10'000);
  ASSERT_NE(again, ChunkId::none);
  EXPECT_EQ(memory.pools.offset(again), memory.pools.offset(chunks[17]));
}

TEST(ChunkPools, take_a_larger_chunk_where_the_quota_leaves_no_other) {
  Pools memory(1 * kMiB);
  const auto large = memory.take_all(100'000);
  memory.pools.release(large.front());
  const auto small = memory.take_all(100);
  ASSERT_FALSE(small.empty());
  EXPECT_GE(memory.pools.payload_capacity(small.back()), 100'000U) << "the last resort";
  EXPECT_EQ(memory.shortage(100), Shortage::quota);
}

TEST(ChunkPools, say_at_once_that_a_message_will_never_fit) {
  Pools memory(1 * kMiB);
  EXPECT_EQ(memory.shortage(1 * kMiB), Shortage::too_large) << "its headers need room, too";
  EXPECT_EQ(memory.shortage(4 * kGiB - 1), Shortage::too_large);
  EXPECT_EQ(memory.shortage(4 * kGiB), Shortage::too_large);
  EXPECT_EQ(memory.shortage(UINT64_MAX), Shortage::too_large);
  EXPECT_EQ(memory.pools.bytes_in_pools(), 0U);
}

TEST(ChunkPools, give_a_message_the_whole_quota_even_if_its_size_class_would_be_larger) {
  Pools memory(2'800'000);
  const ChunkId chunk = memory.take(2'790'000);  // the class would be 3 MiB
  ASSERT_NE(chunk, ChunkId::none);
  EXPECT_GE(memory.pools.payload_capacity(chunk), 2'790'000U);
  EXPECT_LE(memory.file_bytes(), 2'800'000U);
}

TEST(ChunkPools, have_room_for_the_largest_message_there_may_be) {
  Pools memory(5 * kGiB);
  const ChunkId chunk = memory.take(kMessageBytesMax);
  ASSERT_NE(chunk, ChunkId::none);
  EXPECT_GE(memory.pools.payload_capacity(chunk), kMessageBytesMax);
  EXPECT_EQ(memory.pools.message_header(chunk)->magic, 0U) << "untouched memory of its own";
}

// iceoryx multiplies in 32 bits where a pool's chunk lies: from 4 GiB on, the fifth chunk of 1 GiB is the first one.
TEST(ChunkPools, never_make_one_of_4_GiB_or_more) {
  Pools memory(12 * kGiB);
  const auto chunks = memory.take_all(kGiB - 4096);
  ASSERT_GE(chunks.size(), 11U);
  std::vector<uint64_t> places;
  for (size_t i = 0; i < chunks.size(); ++i) {
    places.push_back(memory.pools.offset(chunks[i]));
    *memory.pools.payload(chunks[i]) = static_cast<std::byte>(i);
  }
  for (size_t i = 0; i < chunks.size(); ++i) EXPECT_EQ(*memory.pools.payload(chunks[i]), static_cast<std::byte>(i));
  std::sort(places.begin(), places.end());
  for (size_t i = 1; i < places.size(); ++i) EXPECT_GE(places[i] - places[i - 1], kGiB);
  memory.release(chunks);
  EXPECT_EQ(memory.take_all(kGiB - 4096).size(), chunks.size());
}

TEST(ChunkPools, of_sizes_nobody_sends_any_more_give_their_memory_to_those_that_are_needed) {
  Pools memory(4 * kMiB);
  for (uint64_t bytes : {100, 1000, 10'000, 100'000, 1'000'000}) memory.release(memory.take_all(bytes));
  const ChunkId small = memory.take(100);
  memory.pools.release(small);
  const ChunkId large = memory.take(3'500'000);
  ASSERT_NE(large, ChunkId::none);
  EXPECT_LE(memory.pools.bytes_in_pools(), 4 * kMiB);
  memory.pools.release(large);
  EXPECT_GE(memory.take_all(100).size(), 10'000U);
}

TEST(ChunkPools, that_are_retired_do_not_take_chunks_in_use_along) {
  Pools memory(4 * kMiB);
  const auto small = memory.take_all(1000);
  const ChunkId kept = small[small.size() / 2];
  std::memset(memory.pools.payload(kept), 'k', 1000);
  for (ChunkId chunk : small)
    if (chunk != kept) memory.pools.release(chunk);
  memory.release(memory.take_all(200'000));
  memory.release(memory.take_all(1'000'000));
  const auto* content = reinterpret_cast<const char*>(memory.pools.payload(kept));
  EXPECT_TRUE(std::all_of(content, content + 1000, [](char c) { return c == 'k'; }));
  EXPECT_EQ(memory.pools.chunks_in_use(), 1U);
}

TEST(ChunkPools, give_the_pages_of_idle_ones_back_to_the_system) {
  Pools memory(64 * kMiB);
  std::vector<ChunkId> chunks;
  for (int i = 0; i < 16; ++i) {
    chunks.push_back(memory.take(kMiB));
    std::memset(memory.pools.payload(chunks.back()), 1, kMiB);
  }
  const ChunkId busy = memory.take(100);
  ASSERT_GE(memory.bytes_in_use(), 16 * kMiB);
  memory.release(chunks);
  memory.pools.punch_idle();
  EXPECT_LE(memory.bytes_in_use(), 1 * kMiB);
  EXPECT_EQ(memory.pools.chunks_in_use(), 1U);
  memory.pools.release(busy);
  const ChunkId again = memory.take(kMiB);
  EXPECT_EQ(*memory.pools.payload(again), std::byte{0}) << "fresh pages";
}

TEST(ChunkPools, grow_no_further_than_the_budget_of_all_and_say_so) {
  OneExtent memory(64 * kMiB);
  uint64_t left = 100'000;
  ChunkPools pools(memory.extent, memory.fd, 64 * kMiB, [&] { return left; });
  EXPECT_EQ(pools.allocate(200'000, true).shortage, Shortage::budget);
  EXPECT_EQ(memory.file_bytes(), 0U) << "a refusal costs memory";
  const ChunkId small = pools.allocate(50'000, true).id;  // fewer chunks than it would have without others
  EXPECT_NE(small, ChunkId::none);
  EXPECT_LE(memory.file_bytes(), 100'000U);
  left = 0;
  pools.release(small);
  EXPECT_NE(pools.allocate(50'000, true).id, ChunkId::none) << "what it has it may use";
  left = kMiB;
  EXPECT_NE(pools.allocate(200'000, true).id, ChunkId::none);
}

TEST(ChunkPools, report_that_the_system_has_no_memory) {
  Pools memory(64 * kMiB);
  const auto exhausted = [&] {
    ::close(memory.fd);
    ::_exit(memory.shortage(1000) == Shortage::system ? 0 : 1);
  };
  EXPECT_EXIT(exhausted(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace polybus::bus::test

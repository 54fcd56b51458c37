// Memory that the one who runs chaos and its workers share: what they are to do, and what they did so far. A worker's part
// survives it, whatever kills it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace polybus::cli::chaos {

inline constexpr size_t kTopics = 4;
inline constexpr std::array<const char*, kTopics> kTopicNames = {"chaos/plain", "chaos/kept", "chaos/grown",
                                                                 "chaos/blocked"};
inline constexpr size_t kKeptTopic = 1, kGrownTopic = 2, kBlockedTopic = 3;
inline constexpr uint32_t kKeptValues = 8;
// Publishers of topic 0 can loan all their memory at once if, and only if, not one chunk is in use.
inline constexpr uint64_t kPlainQuotaBytes = 16u << 20;
inline constexpr size_t kWholeLoanBytes = kPlainQuotaBytes - 4096;
inline constexpr uint64_t kBurst = 24;

// What all workers do. Outside of `storm` they prove that nothing was lost on the way (audit.hpp).
enum class Phase : uint64_t {
  storm = 0,  // publish, take, hold, open and close at will
  quiet = 1,  // publish nothing more
  drain = 2,  // take what there is
  burst = 3,  // each publisher kBurst messages; everybody must get or count them
  last = 4,   // the newcomer one, so that nobody else's message is anybody's latest
  room = 5,   // let go of all samples; see whether a publisher can have all its memory
  leave = 6,  // close, exit with 0
};

// By whom the run is directed. The layout is the same in worker.py and worker.cjs.
struct Direction {
  std::atomic<uint64_t> word;  // 16 * the number of phases so far + the phase
  uint64_t director_pid;
};

struct Orders {
  uint64_t life;        // unique per process
  uint64_t publishes;   // topics, a bit each
  uint64_t subscribes;  // likewise
  uint64_t pause_us;    // between bursts of publishing
  uint64_t queue;
  uint64_t hold;    // samples to keep for a while
  uint64_t reopen;  // 1: closes and opens its ends all the time
  uint64_t bytes_max;
  uint64_t newcomer;  // 1: joined while all was quiet
  uint64_t sabotage;  // see sabotage.hpp
  uint64_t seed;
};

enum class Step : uint64_t { starting = 0, joining = 1, opening = 2, ready = 3, closing = 4 };

// Counters since the process's start.
struct Deeds {
  std::atomic<uint64_t> pid;
  std::atomic<uint64_t> step;
  std::atomic<uint64_t> turns;     // of its loop
  std::atomic<uint64_t> done;      // the direction's word of the phase that it is through with
  std::atomic<uint64_t> refusals;  // ends that could not be opened while busd was away
  std::atomic<uint64_t> room;      // 1: its publisher of topic 0 has all its memory
  std::atomic<uint64_t> published[kTopics];
  std::atomic<uint64_t> received[kTopics];
  std::atomic<uint64_t> lost[kTopics];
  std::atomic<uint64_t> subscribers[kTopics];  // attached to its publisher
  std::atomic<uint64_t> publishers[kTopics];   // attached to its subscriber
  char complaint[512];                         // empty, or the first thing that was wrong
};

struct Slot {
  Orders orders;
  alignas(512) Deeds deeds;
};

inline Phase phase_of(uint64_t word) noexcept { return static_cast<Phase>(word % 16); }

inline constexpr size_t kPage = 4096;
static_assert(sizeof(Direction) <= kPage && sizeof(Slot) <= kPage && offsetof(Slot, deeds) == 512 &&
              offsetof(Deeds, complaint) == 8 * (6 + 5 * kTopics));

// One page for the direction, one per worker.
class Board {
 public:
  explicit Board(size_t slots);  // throws Stop
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  int fd() const noexcept { return fd_; }
  size_t slots() const noexcept { return slots_; }
  Direction& direction() const noexcept { return *reinterpret_cast<Direction*>(memory_); }
  Slot& slot(size_t index) const noexcept { return *reinterpret_cast<Slot*>(memory_ + kPage * (1 + index)); }
  // For the next worker.
  void clear(size_t index) const noexcept;
  uint64_t word() const noexcept { return direction().word.load(std::memory_order_acquire); }
  void direct(Phase phase) const noexcept { direction().word = (word() / 16 + 1) * 16 + static_cast<uint64_t>(phase); }
  // What a worker said was wrong; empty: nothing.
  std::string complaint(size_t index) const;

 private:
  int fd_;
  size_t slots_;
  std::byte* memory_;
};

}  // namespace polybus::cli::chaos

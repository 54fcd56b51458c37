// The counters of every end of a bus, in one file that everyone maps and tools read without asking anybody.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "bus/transport/limits.hpp"

namespace polybus::bus {

// One slot per end, 1 KiB. busd writes the identity, then `generation` (release); the end alone writes the counters, each a
// relaxed 64-bit atomic. A reader takes a slot as in use when generation is odd, and its numbers as of slightly different
// moments. Works with busd dead: pid and start time tell whether the writer still lives.
struct StatSlot {
  std::atomic<uint64_t> generation;  // odd: in use
  uint32_t kind;                     // 1 publisher, 2 subscriber
  uint32_t pid;
  uint64_t process_start_ticks;  // /proc/<pid>/stat, field 22
  uint64_t end_id;               // publisher id or subscriber id
  char node[72];
  char topic[104];
  char language[32];
  char type_name[160];
  char fingerprint[72];

  // publisher: the newest sequence; subscriber: messages taken
  alignas(64) std::atomic<uint64_t> messages;
  std::atomic<uint64_t> bytes;
  std::atomic<uint64_t> last_realtime_ns;
  std::atomic<uint64_t> lost;          // subscriber, at its last take: queue + ring + registry away
  std::atomic<uint64_t> level;         // subscriber: waiting in its ring; publisher: drafts on loan
  std::atomic<uint64_t> held;          // subscriber: samples held
  std::atomic<uint64_t> memory_bytes;  // publisher: in pools
  std::atomic<uint64_t> quota_bytes;   // publisher
  std::atomic<uint64_t> peers;         // attached connections
  std::atomic<uint64_t> queue_depth;   // subscriber
  std::atomic<uint64_t> evicted;       // subscriber: how much of `lost` was evicted from connections that are there now
  // subscriber: latency from publish to take, counted in bucket floor(log2(ns)), 0..31
  std::atomic<uint64_t> latency[32];
  // publisher: two earlier readings of its own counters, made by its sends at least 1 s apart, so that a tool knows the rate
  // of the last 1 to 2 s from one look. `mark_turn` is odd while a reading is being written; marks[mark_turn / 2 % 2] is the
  // older of the two. A mark with ns 0 was never made.
  std::atomic<uint64_t> mark_turn;
  struct Mark {
    std::atomic<uint64_t> monotonic_ns;
    std::atomic<uint64_t> messages;
    std::atomic<uint64_t> bytes;
  } marks[2];
};
static_assert(sizeof(StatSlot) <= 1024);

struct StatHeader {
  static constexpr uint64_t kMagic = 0x3154415453425000;
  uint64_t magic;
  uint64_t layout_hash;
  uint64_t instance_id;  // of the busd that made it
  uint32_t busd_pid;
  uint32_t slot_count;
  std::atomic<uint64_t> alive_realtime_ns;  // busd, at its last event
  char bus[72];
  uint64_t memory_budget_bytes;     // of all publishers together; 0: none
  std::atomic<uint32_t> slots_end;  // slots from here on were never used
};

// A mapping of the file. Slot i lies at 4096 + i * 1024.
class StatFile {
 public:
  // busd: a fresh file of kEndsMax sparse slots under a temporary name, renamed to `path`. Throws IO.
  static std::shared_ptr<StatFile> create(const std::string& path, uint64_t instance_id, const std::string& bus);
  // Client (writable) or tool (read-only). Throws IO, VERSION_MISMATCH.
  static std::shared_ptr<StatFile> open(const std::string& path, bool writable);
  // Client: from a descriptor busd passed.
  static std::shared_ptr<StatFile> from_fd(int fd, bool writable);
  ~StatFile();

  StatHeader& header() const noexcept { return *static_cast<StatHeader*>(memory_); }
  StatSlot& slot(uint32_t index) const noexcept {
    return *reinterpret_cast<StatSlot*>(static_cast<std::byte*>(memory_) + 4096 + uint64_t{index} * 1024);
  }
  uint32_t slot_count() const noexcept { return kEndsMax; }
  // What is left of the bus's budget, as of the publishers' counters: it looks at each, for who is about to grow. Two that grow
  // at once may exceed it by what one of them takes.
  uint64_t memory_left_bytes() const noexcept;
  int fd() const noexcept { return fd_; }

 private:
  StatFile(int fd, void* memory) : fd_(fd), memory_(memory) {}
  int fd_;
  void* memory_;
};

}  // namespace polybus::bus

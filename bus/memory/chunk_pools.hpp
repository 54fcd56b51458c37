// The chunks of one publisher: iceoryx's memory pools in its extent, growing by demand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "bus/memory/window.hpp"

namespace iox::mepoo {
struct ChunkHeader;
}

namespace polybus::bus {

struct MessageHeader;

// A chunk of a publisher: which pool, which chunk in it. 0 is none.
enum class ChunkId : uint64_t { none = 0 };

enum class Shortage { none, too_large, quota, budget, system };

// Owned by the publisher's process, which alone allocates, counts and frees: pools' free lists (iceoryx's LoFFLi) and
// reference counts are in its private memory, so no other process, alive, stopped or killed, can harm them, and pointer
// lookup in iceoryx's repository (which slows down with every registered segment) is never needed. Not thread-safe: the
// port's lock covers it.
//
//   extent:  | pool 0: 256 B x n | pool 1: 512 B x m | pool 2: 256 B x 2n | …  up to the quota
//   a pool:  | chunk | chunk | …          fits < 4 GiB: iceoryx multiplies size and count in 32 bits
//   a chunk: | iceoryx ChunkHeader | MessageHeader | padding, back-offset | payload (64-byte aligned) |
class ChunkPools {
 public:
  // What others leave of the memory that all may use together.
  using BudgetLeft = std::function<uint64_t()>;

  // `fd`: the extent's memfd, grown by ftruncate as pools are added, as far as the quota and the budget allow.
  ChunkPools(std::shared_ptr<Extent> extent, int fd, uint64_t quota_bytes, BudgetLeft budget_left = {});
  ~ChunkPools();
  ChunkPools(const ChunkPools&) = delete;
  ChunkPools& operator=(const ChunkPools&) = delete;

  struct Allocation {
    ChunkId id = ChunkId::none;
    Shortage shortage = Shortage::none;
  };
  // A chunk with room for `payload_bytes` and a count of one. On a shortage nothing changed. `may_grow` false: only what
  // lies ready (else quota), so that the port can first collect what subscribers gave back.
  Allocation allocate(uint64_t payload_bytes, bool may_grow);
  void add_reference(ChunkId id) noexcept;
  void release(ChunkId id) noexcept;  // frees it with the last count

  iox::mepoo::ChunkHeader* chunk_header(ChunkId id) const noexcept;
  MessageHeader* message_header(ChunkId id) const noexcept;
  std::byte* payload(ChunkId id) const noexcept;
  uint64_t payload_capacity(ChunkId id) const noexcept;
  uint64_t offset(ChunkId id) const noexcept;  // of the chunk, in the window

  uint64_t bytes_in_pools() const noexcept { return bytes_in_pools_; }
  uint64_t chunks_in_use() const noexcept;
  // Gives the pages of pools without a chunk in use back to the system.
  void punch_idle() noexcept;

 private:
  struct Pool;
  struct Span {
    uint64_t offset, bytes;  // in the extent
  };

  Pool* find_free(uint64_t chunk_bytes, uint64_t chunk_bytes_max) noexcept;
  Pool* grow(uint64_t chunk_bytes, Shortage* why);
  uint64_t end_of_pools() const noexcept;
  bool take_span(uint64_t bytes, Span* out);
  bool retire_idle_pools();

  std::shared_ptr<Extent> extent_;
  int fd_;
  uint64_t quota_bytes_;
  BudgetLeft budget_left_;
  uint64_t end_ = 0;  // of what the file has been grown to
  uint64_t bytes_in_pools_ = 0;
  std::vector<std::unique_ptr<Pool>> pools_;  // by index; a retired one is null
  std::vector<Span> free_spans_;
};

}  // namespace polybus::bus

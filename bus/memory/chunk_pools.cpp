#include "bus/memory/chunk_pools.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <new>
#include <polybus/error.hpp>

#include "bus/memory/fault_point.hpp"
#include "bus/memory/message_header.hpp"
#include "iceoryx_posh/internal/mepoo/mem_pool.hpp"
#include "iceoryx_posh/mepoo/chunk_header.hpp"
#include "iceoryx_posh/mepoo/chunk_settings.hpp"

namespace polybus::bus {
namespace {

constexpr uint32_t kPayloadAlignment = 64;
constexpr uint64_t kChunkBytesMin = 256;
constexpr uint64_t kFirstPoolBytes = 64 << 10;
constexpr uint32_t kFirstPoolChunks = 4;
constexpr uint64_t kWasteMax = 4;  // how many times as large a chunk may be used before idle pools are retired
constexpr uint64_t kPoolBytesMax = (1ull << 32) - 1;  // iceoryx's 32-bit product, mem_pool.cpp:93

uint64_t round_up(uint64_t value, uint64_t step) { return (value + step - 1) / step * step; }

// Size classes: four to the doubling, whole pages from 16 KiB on, so that at most a fifth is wasted.
uint64_t class_of(uint64_t chunk_bytes) {
  if (chunk_bytes <= kChunkBytesMin) return kChunkBytesMin;
  const uint64_t step = std::bit_floor(chunk_bytes - 1) / 4;
  return round_up(chunk_bytes, std::max(step, chunk_bytes >= (16 << 10) ? kPageBytes : kPayloadAlignment));
}

std::optional<iox::mepoo::ChunkSettings> settings_for(uint64_t payload_bytes) {
  auto settings = iox::mepoo::ChunkSettings::create(static_cast<uint32_t>(payload_bytes), kPayloadAlignment,
                                                    sizeof(MessageHeader), alignof(MessageHeader));
  if (settings.has_error()) return std::nullopt;
  return settings.value();
}

ChunkId make_id(size_t pool, uint32_t chunk) { return ChunkId{((uint64_t{pool} + 1) << 32) | chunk}; }
size_t pool_of(ChunkId id) { return (static_cast<uint64_t>(id) >> 32) - 1; }
uint32_t chunk_of(ChunkId id) { return static_cast<uint32_t>(static_cast<uint64_t>(id)); }

}  // namespace

struct ChunkPools::Pool {
  Pool(size_t index, std::byte* memory, Span span, uint32_t chunk_bytes, uint32_t count)
      : index(index),
        span(span),
        memory(memory),
        chunk_bytes(chunk_bytes),
        bookkeeping(new std::byte[bookkeeping_bytes(count)]),
        references(count, 0),
        bookkeeping_allocator(bookkeeping.get(), bookkeeping_bytes(count)),
        chunk_allocator(memory, span.bytes),
        chunks(chunk_bytes, count, bookkeeping_allocator, chunk_allocator) {}

  // What iceoryx's free list needs, and room for its alignment.
  static uint64_t bookkeeping_bytes(uint32_t count) {
    return iox::mepoo::MemPool::freeList_t::requiredIndexMemorySize(count) + 64;
  }
  bool has_free() const { return chunks.getUsedChunks() < chunks.getChunkCount(); }

  size_t index;
  Span span;
  std::byte* memory;
  uint32_t chunk_bytes;
  std::unique_ptr<std::byte[]> bookkeeping;
  std::vector<uint32_t> references;
  iox::posix::Allocator bookkeeping_allocator;
  iox::posix::Allocator chunk_allocator;
  iox::mepoo::MemPool chunks;
  bool punched = true;  // no page in use: fresh, or given back
};

ChunkPools::ChunkPools(std::shared_ptr<Extent> extent, int fd, uint64_t quota_bytes, BudgetLeft budget_left)
    : extent_(std::move(extent)),
      fd_(fd),
      quota_bytes_(std::min(quota_bytes, extent_->bytes())),
      budget_left_(std::move(budget_left)) {}

ChunkPools::~ChunkPools() = default;

ChunkPools::Allocation ChunkPools::allocate(uint64_t payload_bytes, bool may_grow) {
  if (payload_bytes > kPoolBytesMax) return {ChunkId::none, Shortage::too_large};
  const auto settings = settings_for(payload_bytes);
  if (!settings) return {ChunkId::none, Shortage::too_large};
  // The largest size class there can be need not be a full one.
  const uint64_t largest = std::min(kPoolBytesMax, quota_bytes_) / kPageBytes * kPageBytes;
  if (settings->requiredChunkSize() > largest) return {ChunkId::none, Shortage::too_large};
  const uint64_t chunk_bytes = std::min(class_of(settings->requiredChunkSize()), largest);

  Shortage why = Shortage::none;
  Pool* pool = find_free(chunk_bytes, chunk_bytes);
  if (pool == nullptr && !may_grow) return {ChunkId::none, Shortage::quota};
  if (pool == nullptr) pool = grow(chunk_bytes, &why);
  // A wasteful chunk is better than none, but not so wasteful a one that idle memory would serve better.
  if (pool == nullptr) pool = find_free(chunk_bytes, chunk_bytes * kWasteMax);
  if (pool == nullptr && retire_idle_pools()) pool = grow(chunk_bytes, &why);
  if (pool == nullptr) pool = find_free(chunk_bytes, UINT64_MAX);
  if (pool == nullptr) return {ChunkId::none, why};

  auto* memory = static_cast<std::byte*>(pool->chunks.getChunk());
  const auto chunk = static_cast<uint32_t>((memory - pool->memory) / pool->chunk_bytes);
  fault_point("loan.chunk_taken");
  new (memory) iox::mepoo::ChunkHeader(pool->chunk_bytes, *settings);
  pool->references[chunk] = 1;
  pool->punched = false;
  return {make_id(pool->index, chunk), Shortage::none};
}

void ChunkPools::add_reference(ChunkId id) noexcept { ++pools_[pool_of(id)]->references[chunk_of(id)]; }

void ChunkPools::release(ChunkId id) noexcept {
  Pool& pool = *pools_[pool_of(id)];
  const uint32_t chunk = chunk_of(id);
  if (--pool.references[chunk] == 0) pool.chunks.freeChunk(pool.memory + uint64_t{chunk} * pool.chunk_bytes);
}

iox::mepoo::ChunkHeader* ChunkPools::chunk_header(ChunkId id) const noexcept {
  const Pool& pool = *pools_[pool_of(id)];
  return reinterpret_cast<iox::mepoo::ChunkHeader*>(pool.memory + uint64_t{chunk_of(id)} * pool.chunk_bytes);
}

MessageHeader* ChunkPools::message_header(ChunkId id) const noexcept {
  return static_cast<MessageHeader*>(chunk_header(id)->userHeader());
}

std::byte* ChunkPools::payload(ChunkId id) const noexcept {
  return static_cast<std::byte*>(chunk_header(id)->userPayload());
}

uint64_t ChunkPools::payload_capacity(ChunkId id) const noexcept {
  const Pool& pool = *pools_[pool_of(id)];
  const std::byte* end = pool.memory + (uint64_t{chunk_of(id)} + 1) * pool.chunk_bytes;
  return static_cast<uint64_t>(end - payload(id));
}

uint64_t ChunkPools::offset(ChunkId id) const noexcept { return extent_->window().offset_of(chunk_header(id)); }

uint64_t ChunkPools::chunks_in_use() const noexcept {
  uint64_t used = 0;
  for (const auto& pool : pools_)
    if (pool) used += pool->chunks.getUsedChunks();
  return used;
}

void ChunkPools::punch_idle() noexcept {
  for (const auto& pool : pools_) {
    if (!pool || pool->punched || pool->chunks.getUsedChunks() != 0) continue;
    ::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(pool->span.offset),
                static_cast<off_t>(pool->span.bytes));
    pool->punched = true;
    fault_point("grow.idle_pages_given_back");
  }
}

// With chunks of a size in between, the smallest first.
ChunkPools::Pool* ChunkPools::find_free(uint64_t chunk_bytes, uint64_t chunk_bytes_max) noexcept {
  Pool* best = nullptr;
  for (const auto& pool : pools_) {
    if (!pool || !pool->has_free()) continue;
    if (pool->chunk_bytes < chunk_bytes || pool->chunk_bytes > chunk_bytes_max) continue;
    if (best == nullptr || pool->chunk_bytes < best->chunk_bytes) best = pool.get();
  }
  return best;
}

// Doubles the chunks of a size class, as far as the quota allows. The order is: file grown, pool built, first chunk
// loaned; whoever mapped the extent over its whole range sees the new memory at once.
ChunkPools::Pool* ChunkPools::grow(uint64_t chunk_bytes, Shortage* why) {
  uint64_t count = 0;
  for (const auto& pool : pools_)
    if (pool && pool->chunk_bytes == chunk_bytes) count += pool->chunks.getChunkCount();
  if (count == 0) count = std::max<uint64_t>(kFirstPoolChunks, kFirstPoolBytes / chunk_bytes);
  count = std::clamp<uint64_t>(count, 1, kPoolBytesMax / chunk_bytes);

  const uint64_t left = budget_left_ ? budget_left_() : UINT64_MAX;
  *why = Shortage::quota;
  Span span{};
  for (; count != 0; count /= 2) {
    if (!take_span(round_up(count * chunk_bytes, kPageBytes), &span)) continue;
    // Only a span behind the last pool can need more of the file; nothing is taken by it yet.
    if (span.offset + span.bytes <= end_ || span.offset + span.bytes - end_ <= left) break;
    *why = Shortage::budget;
  }
  if (count == 0) return nullptr;
  fault_point("grow.span_taken");
  if (span.offset + span.bytes > end_) {
    if (::ftruncate(fd_, static_cast<off_t>(span.offset + span.bytes)) != 0) {  // span is behind the last pool: no gap
      *why = Shortage::system;
      return nullptr;
    }
    end_ = span.offset + span.bytes;
    fault_point("grow.file_grown");
  }
  const auto slot = std::find(pools_.begin(), pools_.end(), nullptr);
  const auto index = static_cast<size_t>(slot - pools_.begin());
  std::byte* memory = extent_->window().at(extent_->offset() + span.offset);
  auto pool =
      std::make_unique<Pool>(index, memory, span, static_cast<uint32_t>(chunk_bytes), static_cast<uint32_t>(count));
  Pool* made = pool.get();
  if (slot == pools_.end())
    pools_.push_back(std::move(pool));
  else
    *slot = std::move(pool);
  bytes_in_pools_ += span.bytes;
  fault_point("grow.pool_made");
  return made;
}

uint64_t ChunkPools::end_of_pools() const noexcept {
  uint64_t end = 0;
  for (const auto& pool : pools_)
    if (pool) end = std::max(end, pool->span.offset + pool->span.bytes);
  return end;
}

// From what retired pools left, first fit, else behind the last pool.
bool ChunkPools::take_span(uint64_t bytes, Span* out) {
  for (auto span = free_spans_.begin(); span != free_spans_.end(); ++span) {
    if (span->bytes < bytes) continue;
    *out = {span->offset, bytes};
    span->offset += bytes;
    span->bytes -= bytes;
    if (span->bytes == 0) free_spans_.erase(span);
    return true;
  }
  const uint64_t tail = end_of_pools();
  if (bytes > quota_bytes_ || tail > quota_bytes_ - bytes) return false;
  *out = {tail, bytes};
  return true;
}

// When the quota is used up by pools of sizes nobody sends any more, their memory serves the sizes that are needed now.
bool ChunkPools::retire_idle_pools() {
  punch_idle();
  bool retired = false;
  for (auto& pool : pools_) {
    if (!pool || pool->chunks.getUsedChunks() != 0) continue;
    bytes_in_pools_ -= pool->span.bytes;
    free_spans_.push_back(pool->span);
    pool.reset();
    retired = true;
    fault_point("grow.idle_pool_retired");
  }
  std::sort(free_spans_.begin(), free_spans_.end(), [](const Span& a, const Span& b) { return a.offset < b.offset; });
  for (size_t i = 1; i < free_spans_.size();) {
    Span& before = free_spans_[i - 1];
    if (before.offset + before.bytes == free_spans_[i].offset) {
      before.bytes += free_spans_[i].bytes;
      free_spans_.erase(free_spans_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  // What lies behind the last pool is no gap.
  std::erase_if(free_spans_, [tail = end_of_pools()](const Span& span) { return span.offset >= tail; });
  return retired;
}

}  // namespace polybus::bus

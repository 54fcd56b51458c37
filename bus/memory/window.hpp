// The address range of one bus in this process, and the mappings in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "bus/memory/fork_guard.hpp"

namespace polybus::bus {

// Picture of a window (offsets are the same in every process, addresses are not):
//
//   0                    kBookBytesMax                                   size()
//   | book: bookkeeping  | extent | extent | (free, PROT_NONE) …         |
//   | everyone: RW       | owner: RW, subscribers: read-only             |
//
// Everything that one process tells another is an offset in it. busd lays it out; clients map what they are given.
inline constexpr uint64_t kBookBytesMax = 4ull << 30;
inline constexpr uint64_t kWindowBytesDefault = 4ull << 40;
inline constexpr uint64_t kWindowBytesMin = 8ull << 30;
inline constexpr uint64_t kPageBytes = 4096;  // what is mapped, protected and given back at a time

enum class Access { read_only, read_write };

class Window : public std::enable_shared_from_this<Window> {
 public:
  // Reserves address space only (PROT_NONE). `bytes` 0: POLYBUS_WINDOW (e.g. "64G"), else the default, halved until the
  // system agrees. Throws LIMIT naming ulimit -v and POLYBUS_WINDOW.
  static std::shared_ptr<Window> reserve(uint64_t bytes = 0);
  ~Window();
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  uint64_t size() const noexcept { return size_; }
  std::byte* at(uint64_t offset) const noexcept { return base_ + offset; }
  uint64_t offset_of(const void* address) const noexcept {
    return static_cast<uint64_t>(static_cast<const std::byte*>(address) - base_);
  }
  // Where readers look at payload: the guarded second base where the process asked for it, else the same as at().
  const std::byte* payload_at(uint64_t offset) const noexcept { return (guard_base_ ? guard_base_ : base_) + offset; }

  // Maps a memfd over [offset, offset + bytes), also beyond the file's present end: what the file grows to later is there
  // at once. The descriptor stays the caller's. Throws LIMIT (vm.max_map_count, outside the window) or IO.
  void map(int fd, uint64_t offset, uint64_t bytes, Access access);
  void unmap(uint64_t offset, uint64_t bytes) noexcept;

 private:
  Window(std::byte* base, std::byte* guard_base, uint64_t size) : base_(base), guard_base_(guard_base), size_(size) {}

  std::byte* base_;
  std::byte* guard_base_;  // null unless guard_reads()
  uint64_t size_;
  ForkGuard fork_;
};

// One publisher's memory as this process has it mapped; shared by all who use it here, unmapped with the last.
class Extent : public std::enable_shared_from_this<Extent> {
 public:
  Extent(std::shared_ptr<Window> window, uint64_t id, int fd, uint64_t offset, uint64_t bytes, Access access,
         std::function<void(uint64_t id)> on_unmapped);
  ~Extent();  // unmaps, then calls on_unmapped
  Extent(const Extent&) = delete;
  Extent& operator=(const Extent&) = delete;

  uint64_t id() const noexcept { return id_; }              // given by busd, unique on the bus
  uint64_t local_id() const noexcept { return local_id_; }  // unique in this process, never used again
  uint64_t offset() const noexcept { return offset_; }
  uint64_t bytes() const noexcept { return bytes_; }
  Window& window() const noexcept { return *window_; }
  const std::shared_ptr<Window>& shared_window() const noexcept { return window_; }
  bool contains(uint64_t offset, uint64_t bytes) const noexcept {
    return offset >= offset_ && bytes <= bytes_ && offset - offset_ <= bytes_ - bytes;
  }

 private:
  std::shared_ptr<Window> window_;
  uint64_t id_, local_id_, offset_, bytes_;
  std::function<void(uint64_t)> on_unmapped_;
  ForkGuard fork_;
};

}  // namespace polybus::bus

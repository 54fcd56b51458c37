// The bookkeeping memory of a bus, as busd hands it out: blocks of three sizes, cut from one memfd that everybody maps.
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "bus/memory/window.hpp"
#include "bus/transport/blocks.hpp"
#include "discovery/protocol/fd.hpp"

namespace polybus::registry {

class Book {
 public:
  Book();

  const discovery::SharedFd& fd() const noexcept { return fd_; }
  // Addresses that the bus has, book and extents together.
  uint64_t window_bytes() const noexcept { return window_->size(); }

  // Offsets in the window. Throw LIMIT or NO_MEMORY.
  uint64_t take_publisher() { return take(publishers_, "publishers"); }
  uint64_t take_subscriber() { return take(subscribers_, "subscribers"); }
  uint64_t take_connection() { return take(connections_, "connections"); }
  void give_back_publisher(uint64_t offset) noexcept { give_back(publishers_, offset); }
  void give_back_subscriber(uint64_t offset) noexcept { give_back(subscribers_, offset); }
  void give_back_connection(uint64_t offset) noexcept { give_back(connections_, offset); }

  void* at(uint64_t offset) const noexcept { return window_->at(offset); }
  bus::PublisherBlock* publisher(uint64_t offset) const noexcept {
    return static_cast<bus::PublisherBlock*>(at(offset));
  }
  bus::SubscriberBlock* subscriber(uint64_t offset) const noexcept {
    return static_cast<bus::SubscriberBlock*>(at(offset));
  }
  bus::ConnectionBlock* connection(uint64_t offset) const noexcept {
    return static_cast<bus::ConnectionBlock*>(at(offset));
  }
  // What is handed out at the moment.
  uint64_t blocks_in_use() const noexcept { return blocks_in_use_; }

 private:
  struct Kind {
    uint64_t block_bytes;
    std::set<uint64_t> free;  // the lowest is used first, so that the file's end stays low
  };

  uint64_t take(Kind& kind, const char* what);
  void give_back(Kind& kind, uint64_t offset) noexcept;

  std::shared_ptr<bus::Window> window_;
  discovery::SharedFd fd_;
  uint64_t end_;  // behind what was ever handed out; the first page never is, so that 0 is no block
  uint64_t file_bytes_ = 0;
  uint64_t blocks_in_use_ = 0;
  Kind publishers_{bus::kPublisherBlockBytes, {}};
  Kind subscribers_{bus::kSubscriberBlockBytes, {}};
  Kind connections_{bus::kConnectionBlockBytes, {}};
};

// An anonymous shared file that can grow and never shrinks. Throws LIMIT or IO.
discovery::Fd make_memory(const char* name);

}  // namespace polybus::registry

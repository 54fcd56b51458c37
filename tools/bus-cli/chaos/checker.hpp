// Watches what one subscriber gets: every message whole, each publisher's in order and none twice, and what is missing counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <unordered_map>

namespace polybus::cli::chaos {

class Checker {
 public:
  // Of the next message that was taken. Empty: all is well; else what is wrong with it.
  std::string check(uint64_t publisher_id, uint64_t sequence, std::span<const std::byte> bytes);
  // Messages missing between those that came; the subscriber must have counted at least as many as lost.
  uint64_t missing() const noexcept { return missing_; }
  // Empty: what is missing was counted.
  std::string check_lost(uint64_t lost) const;

 private:
  void forget_oldest();

  std::unordered_map<uint64_t, uint64_t> newest_;  // sequence by publisher
  std::deque<uint64_t> met_;                       // publishers, in the order in which they were first heard
  uint64_t missing_ = 0;
};

}  // namespace polybus::cli::chaos

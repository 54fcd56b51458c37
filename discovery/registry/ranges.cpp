#include "discovery/registry/ranges.hpp"

#include <iterator>

namespace polybus::registry {

Ranges::Ranges(uint64_t begin, uint64_t end) : free_bytes_(end - begin) {
  if (begin != end) free_.emplace(begin, end - begin);
}

std::optional<uint64_t> Ranges::take(uint64_t bytes) {
  for (auto gap = free_.begin(); gap != free_.end(); ++gap) {
    const auto [offset, there] = *gap;
    if (there < bytes) continue;
    free_.erase(gap);
    if (there != bytes) free_.emplace(offset + bytes, there - bytes);
    free_bytes_ -= bytes;
    return offset;
  }
  return std::nullopt;
}

void Ranges::give_back(uint64_t offset, uint64_t bytes) {
  free_bytes_ += bytes;
  auto after = free_.lower_bound(offset);
  if (after != free_.end() && offset + bytes == after->first) {
    bytes += after->second;
    after = free_.erase(after);
  }
  if (after != free_.begin()) {
    auto before = std::prev(after);
    if (before->first + before->second == offset) {
      before->second += bytes;
      return;
    }
  }
  free_.emplace(offset, bytes);
}

}  // namespace polybus::registry

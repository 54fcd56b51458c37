// Which parts of a range of addresses are free: first fit, neighbours joined. busd's window and book are cut up by it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace polybus::registry {

class Ranges {
 public:
  Ranges(uint64_t begin, uint64_t end);

  // The lowest free place; none: no gap is large enough. `bytes` must not be 0.
  std::optional<uint64_t> take(uint64_t bytes);
  void give_back(uint64_t offset, uint64_t bytes);
  uint64_t free_bytes() const noexcept { return free_bytes_; }

 private:
  std::map<uint64_t, uint64_t> free_;  // offset → bytes; no two touch
  uint64_t free_bytes_;
};

}  // namespace polybus::registry

// The samples an environment holds. JavaScript names them by their slot, so that what it forgets is still given back when
// the environment ends, a worker's for example.
#pragma once

#include <polybus/polybus.h>

#include <cstddef>
#include <vector>

namespace polybus_js {

class Samples {
 public:
  size_t add(polybus_sample* sample);
  polybus_sample* at(size_t slot) const noexcept { return slot < slots_.size() ? slots_[slot] : nullptr; }
  void release(size_t slot) noexcept;
  void release_all() noexcept;

 private:
  std::vector<polybus_sample*> slots_;
  std::vector<size_t> free_;
};

}  // namespace polybus_js

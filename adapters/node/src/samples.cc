#include "samples.hpp"

#include <utility>

namespace polybus_js {

size_t Samples::add(polybus_sample* sample) {
  if (free_.empty()) {
    free_.reserve(slots_.size() + 1);  // release() must not allocate
    slots_.push_back(sample);
    return slots_.size() - 1;
  }
  const size_t slot = free_.back();
  free_.pop_back();
  slots_[slot] = sample;
  return slot;
}

void Samples::release(size_t slot) noexcept {
  if (at(slot) == nullptr) return;
  polybus_sample_release(std::exchange(slots_[slot], nullptr));
  free_.push_back(slot);
}

void Samples::release_all() noexcept {
  for (size_t slot = 0; slot < slots_.size(); ++slot) release(slot);
}

}  // namespace polybus_js

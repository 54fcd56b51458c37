#include "discovery/registry/stat_slots.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <polybus/error.hpp>

namespace polybus::registry {
namespace {

template <size_t N>
void copy_text(char (&to)[N], const std::string& from) {
  const size_t bytes = std::min(from.size(), N - 1);
  std::memcpy(to, from.data(), bytes);
  to[bytes] = '\0';
}

void clear_counters(bus::StatSlot& slot) {
  for (auto* counter : {&slot.messages, &slot.bytes, &slot.last_realtime_ns, &slot.lost, &slot.level, &slot.held,
                        &slot.memory_bytes, &slot.quota_bytes, &slot.peers, &slot.queue_depth, &slot.evicted})
    counter->store(0, std::memory_order_relaxed);
  for (auto& bucket : slot.latency) bucket.store(0, std::memory_order_relaxed);
  slot.mark_turn.store(0, std::memory_order_relaxed);
  for (auto& mark : slot.marks) {
    for (auto* number : {&mark.monotonic_ns, &mark.messages, &mark.bytes}) number->store(0, std::memory_order_relaxed);
  }
}

}  // namespace

uint32_t StatSlots::take(const EndIdentity& identity) {
  uint32_t index = end_;
  if (!free_.empty())
    index = free_.extract(free_.begin()).value();
  else if (end_ < file_->slot_count())
    file_->header().slots_end.store(++end_, std::memory_order_release);
  else
    throw Error(Code::limit, "the bus has " + std::to_string(file_->slot_count()) +
                                 " publishers and subscribers, which is the bound; close some, or use another bus");
  bus::StatSlot& slot = file_->slot(index);
  clear_counters(slot);
  slot.kind = identity.is_publisher ? 1 : 2;
  slot.pid = identity.pid;
  slot.process_start_ticks = identity.process_start_ticks;
  slot.end_id = identity.end_id;
  copy_text(slot.node, identity.node);
  copy_text(slot.topic, identity.topic);
  copy_text(slot.language, identity.language);
  copy_text(slot.type_name, identity.type_name);
  copy_text(slot.fingerprint, identity.fingerprint);
  slot.generation.store((slot.generation.load(std::memory_order_relaxed) + 1) | 1, std::memory_order_release);
  return index;
}

void StatSlots::retire(uint32_t index) noexcept {
  bus::StatSlot& slot = file_->slot(index);
  const uint64_t generation = slot.generation.load(std::memory_order_relaxed);
  if ((generation & 1) != 0) slot.generation.store(generation + 1, std::memory_order_release);
}

void StatSlots::give_back(uint32_t index) noexcept {
  retire(index);
  file_->slot(index).memory_bytes.store(0, std::memory_order_relaxed);
  free_.insert(index);
}

void StatSlots::touch() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  file_->header().alive_realtime_ns.store(
      static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec),
      std::memory_order_relaxed);
}

uint64_t process_start_ticks(uint32_t pid) {
  char text[1024];
  std::snprintf(text, sizeof text, "/proc/%u/stat", pid);
  std::FILE* file = std::fopen(text, "re");
  if (file == nullptr) return 0;
  const size_t bytes = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  text[bytes] = '\0';
  // The second field, the program's name, may hold anything; it ends at the last ')'.
  const char* at = std::strrchr(text, ')');
  for (int field = 2; at != nullptr && field < 22; ++field) at = std::strchr(at + 1, ' ');
  return at == nullptr ? 0 : std::strtoull(at + 1, nullptr, 10);
}

}  // namespace polybus::registry

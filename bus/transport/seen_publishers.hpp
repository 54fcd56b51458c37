// How far a subscriber has heard publishers whose connection ended with a run of the bus: where the next one goes on.
#pragma once

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace polybus::bus {

inline bool process_lives(uint32_t pid) noexcept {
  return pid == 0 || ::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH;
}

// Bounded: at the bound those go whose process is dead and who will therefore never come again; only if these are too few,
// the oldest thousand of those that are not connected (closed, as good as certainly, while busd was away: one that comes again
// all the same is heard as if for the first time).
class SeenPublishers {
 public:
  static constexpr size_t kMax = 4096;  // four times as many as may be connected at once

  // The newest sequence that was delivered.
  std::optional<uint64_t> find(uint64_t publisher_id) const {
    const auto found = seen_.find(publisher_id);
    return found == seen_.end() ? std::nullopt : std::optional(found->second.newest);
  }
  bool contains(uint64_t publisher_id) const { return seen_.contains(publisher_id); }
  size_t size() const noexcept { return seen_.size(); }

  template <typename IsConnected>
  void note(uint64_t publisher_id, uint32_t pid, uint64_t newest, const IsConnected& is_connected) {
    if (seen_.size() >= kMax && !contains(publisher_id)) forget_some(is_connected);
    Seen& seen = seen_[publisher_id];
    seen = {std::max(seen.newest, newest), pid, ++age_};
  }

 private:
  struct Seen {
    uint64_t newest = 0;
    uint32_t pid = 0;
    uint64_t noted = 0;
  };

  template <typename IsConnected>
  void forget_some(const IsConnected& is_connected) {
    std::unordered_map<uint32_t, bool> lives;  // asked once for each process
    std::erase_if(seen_, [&](const auto& entry) {
      const auto [known, is_new] = lives.try_emplace(entry.second.pid, true);
      if (is_new) known->second = process_lives(entry.second.pid);
      return !known->second && !is_connected(entry.first);
    });
    if (seen_.size() < kMax) return;
    std::vector<std::pair<uint64_t, uint64_t>> by_age;  // and id
    for (const auto& [id, seen] : seen_)
      if (!is_connected(id)) by_age.emplace_back(seen.noted, id);
    const size_t count = std::min(by_age.size(), kMax / 4);
    std::partial_sort(by_age.begin(), by_age.begin() + static_cast<ptrdiff_t>(count), by_age.end());
    for (size_t i = 0; i < count; ++i) seen_.erase(by_age[i].second);
  }

  std::unordered_map<uint64_t, Seen> seen_;
  uint64_t age_ = 0;
};

}  // namespace polybus::bus

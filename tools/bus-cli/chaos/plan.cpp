#include "tools/bus-cli/chaos/plan.hpp"

namespace polybus::cli::chaos {
namespace {

// Of 100 kills: busd, and C++ with it; Python; the rest Node.
constexpr uint64_t kBusdShare = 4, kCppShare = 80, kPythonShare = 14;
constexpr uint64_t kStopsIn = 6;  // one of so many strokes only stops
constexpr uint64_t kPauseMaxUs = 60'000;
constexpr uint64_t kStopMaxUs = 250'000;
constexpr std::array<uint64_t, 4> kPausesUs = {0, 200, 500, 2000};
constexpr std::array<uint64_t, 3> kQueues = {8, 16, 64};

Language language_of(uint64_t percent) {
  if (percent < kCppShare) return Language::cpp;
  return percent < kCppShare + kPythonShare ? Language::python : Language::node;
}

}  // namespace

Stroke Plan::next() {
  const uint64_t percent = random_() % 100;
  return {.kind = random_() % kStopsIn == 0 ? Stroke::Kind::stop : Stroke::Kind::kill,
          .is_at_busd = percent < kBusdShare && !is_guest_,
          .language = language_of(percent),
          .choice = random_(),
          .pause_us = static_cast<uint32_t>(random_() % kPauseMaxUs),
          .stop_us = static_cast<uint32_t>(random_() % kStopMaxUs),
          .is_patient = random_() % 4 != 0};
}

Orders Plan::orders(const Role& role) {
  Orders orders{};
  orders.life = ++lives_;
  orders.publishes = role.publishes;
  orders.subscribes = role.subscribes;
  orders.pause_us = role.is_victim ? kPausesUs[random_() % kPausesUs.size()] : 1000;
  if (is_full_rate_) orders.pause_us = 0;
  orders.queue = kQueues[random_() % kQueues.size()];
  orders.hold = random_() % 3 == 0 ? 0 : random_() % 16;
  orders.reopen = role.reopens ? 1 : 0;
  orders.bytes_max = random_() % 8 == 0 ? 512 << 10 : 32 << 10;
  orders.newcomer = role.is_newcomer ? 1 : 0;
  orders.seed = random_();
  return orders;
}

}  // namespace polybus::cli::chaos

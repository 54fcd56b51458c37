#include "bus/transport/subscriber_port.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <ctime>
#include <polybus/error.hpp>

#include "bus/memory/fault_point.hpp"
#include "bus/transport/subscriber_state.hpp"

namespace polybus::bus {
namespace {

uint64_t monotonic_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

SubscriberPort::SubscriberPort(const SubscriberConfig& config, SubscriberPlace place,
                               std::function<void(uint64_t)> on_closed)
    : config_(config), state_(std::make_shared<State>(config, std::move(place), std::move(on_closed))) {
  if (state_->place.stat != nullptr)
    state_->place.stat->queue_depth.store(config.queue_depth, std::memory_order_relaxed);
}

SubscriberPort::~SubscriberPort() {
  if (!state_->fork.in_child()) close();
}

Sample SubscriberPort::take() {
  Discarded discarded;
  std::lock_guard lock(state_->mutex);
  State& state = *state_;
  state.throw_if_unusable();
  if (state.at_held_bound()) {
    if (state.ring.empty() && !state.any_ready()) return nullptr;
    throw Error(Code::too_many_samples,
                "topic " + config_.topic + ": " + std::to_string(kHeldMax) +
                    " samples are held, which is the bound of one subscriber; release some first");
  }
  state.drain(&discarded);
  if (state.ring.empty() && state.wake_fd >= 0) {
    // Also if it is armed: somebody may have written it late, for a message that was taken already.
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(state.wake_fd, &count, sizeof count);
    fault_point("take.descriptor_read");
    state.place.block->fd_bell.arm();
    fault_point("take.descriptor_armed");
    std::atomic_thread_fence(std::memory_order_seq_cst);  // S2 of the doorbell: look again after arming
    state.drain(&discarded);
    if (!state.ring.empty()) ring(state.place.block, state.wake_fd);
  }
  if (state.ring.empty()) return nullptr;
  fault_point("take.about_to_hand_out");
  std::shared_ptr<Received> message = std::move(state.ring.front());
  state.ring.pop_front();
  if (config_.blocking) state.drain(&discarded);  // the room just made lets a waiting publisher go on
  ++state.taken;
  const MessageHeader& header = message->header();
  if (StatSlot* stat = state.place.stat) {
    const uint64_t now = monotonic_ns();
    const uint64_t latency = now > header.published_monotonic_ns ? now - header.published_monotonic_ns : 1;
    bump(stat->latency[std::min(static_cast<int>(std::bit_width(latency)) - 1, 31)], 1);
  }
  const uint64_t bytes = message->payload_bytes();
  const uint64_t published_ns = header.published_realtime_ns;
  Sample sample = state.hand_out(std::move(message), state_);
  fault_point("take.handed_out");
  state.write_counters(bytes, published_ns);
  fault_point("take.counted");
  return sample;
}

Sample SubscriberPort::latest() {
  Discarded discarded;
  std::lock_guard lock(state_->mutex);
  State& state = *state_;
  state.throw_if_unusable();
  state.drain(&discarded);
  if (!state.newest) return nullptr;
  if (state.at_held_bound())
    throw Error(Code::too_many_samples,
                "topic " + config_.topic + ": " + std::to_string(kHeldMax) +
                    " samples are held, which is the bound of one subscriber; release some first");
  return state.hand_out(state.newest, state_);
}

void SubscriberPort::connect(ConnectSpec spec) {
  Discarded discarded;
  std::lock_guard lock(state_->mutex);
  State& state = *state_;
  auto inlet = std::make_shared<Inlet>(std::move(spec), state.place.window, state.on_closed);
  if (state.closed) {
    inlet->block().state.store(ConnectionState::subscriber_closing);
    discarded.inlets.push_back(std::move(inlet));
    return;
  }
  const uint32_t index = inlet->spec().ready_index;
  if (state.inlets.size() <= index) state.inlets.resize(index + 1);
  fault_point("connect.inlet_made");
  if (state.inlets[index]) discarded.inlets.push_back(std::move(state.inlets[index]));
  state.inlets[index] = std::move(inlet);
  if (state.place.stat != nullptr) bump(state.place.stat->peers, 1);
  fault_point("connect.inlet_placed");
  if (state.inlets[index]->is_empty()) return;
  // busd put kept values there before; a bit it set may have been taken down while nobody was connected here.
  state.place.block->ready[index / 64].fetch_or(1ULL << (index % 64));
  ring(state.place.block, state.wake_fd);
}

void SubscriberPort::publisher_gone(uint64_t connection_id) {
  Discarded discarded;
  std::lock_guard lock(state_->mutex);
  for (auto& inlet : state_->inlets) {
    if (!inlet || inlet->id() != connection_id) continue;
    inlet->publisher_gone = true;
    fault_point("parting.publisher_gone");
    StatSlot* stat = state_->place.stat;
    if (stat != nullptr && stat->peers.load(std::memory_order_relaxed) != 0)
      stat->peers.fetch_sub(1, std::memory_order_relaxed);
    state_->retire_drained(inlet, &discarded);
    if (!inlet) break;
    // It may have died between its push and the ready bit.
    const uint32_t index = inlet->spec().ready_index;
    state_->place.block->ready[index / 64].fetch_or(1ULL << (index % 64));
    ring(state_->place.block, state_->wake_fd);
    break;
  }
}

void SubscriberPort::rebind(SubscriberPlace place) {
  Discarded discarded;
  std::lock_guard lock(state_->mutex);
  State& state = *state_;
  for (auto& inlet : state.inlets) {
    if (!inlet) continue;
    // Messages in the queue are still served; the connection's end is nobody's news any more, that busd is gone.
    inlet->leaving = true;
    // busd died in the middle of the introduction: nobody would ever say that such a one has ended.
    if (inlet->abandon_unattached()) {
      discarded.inlets.push_back(std::move(inlet));
      continue;
    }
    if (!process_lives(inlet->spec().peer.pid)) inlet->publisher_gone = true;
    state.leaving.push_back(std::move(inlet));
  }
  state.inlets.clear();
  fault_point("rebind.leaving");
  SubscriberBlock* old_block = state.place.block;
  const SubscriberPlace old_place = std::exchange(state.place, std::move(place));
  if (state.place.stat != nullptr) {
    state.place.stat->queue_depth.store(config_.queue_depth, std::memory_order_relaxed);
    state.write_counters(0, 0);
  }
  fault_point("rebind.placed");
  ring(old_block, state.wake_fd);  // sleepers of the old word come and arm the new one
  if (state.closed) return;
  state.drain(&discarded);
}

void SubscriberPort::close() {
  Discarded discarded;
  std::deque<std::shared_ptr<Received>> ring_contents;
  std::shared_ptr<Received> newest;
  std::lock_guard lock(state_->mutex);
  State& state = *state_;
  if (state.closed) return;
  state.closed = true;
  for (auto* list : {&state.inlets, &state.leaving}) {
    for (auto& inlet : *list) {
      if (!inlet) continue;
      state.lost_before_ring += inlet->unseen_losses();
      auto open = ConnectionState::open;
      inlet->block().state.compare_exchange_strong(open, ConnectionState::subscriber_closing);
      fault_point("close.subscriber_closing");
      Bell& room = inlet->block().room_bell;
      room.ring_anyway([&] { futex_wake_all(room.word); });
      discarded.inlets.push_back(std::move(inlet));
    }
    list->clear();
  }
  fault_point("close.connections_closing");
  ring_contents.swap(state.ring);
  newest.swap(state.newest);
  ring(state.place.block, state.wake_fd);
  state.place.stat = nullptr;  // busd gives the slot to another end
}

uint64_t SubscriberPort::taken() const {
  std::lock_guard lock(state_->mutex);
  return state_->taken;
}

uint64_t SubscriberPort::lost() const {
  std::lock_guard lock(state_->mutex);
  return state_->lost();
}

uint32_t SubscriberPort::queued() const {
  std::lock_guard lock(state_->mutex);
  uint64_t queued = state_->ring.size();
  for (const auto& inlet : state_->inlets)
    if (inlet) queued += inlet->block().queue.size();
  return static_cast<uint32_t>(queued);
}

uint32_t SubscriberPort::held() const { return state_->held.load(std::memory_order_relaxed); }

uint32_t SubscriberPort::publishers() const {
  std::lock_guard lock(state_->mutex);
  return static_cast<uint32_t>(std::count_if(state_->inlets.begin(), state_->inlets.end(),
                                             [](const auto& inlet) { return inlet && !inlet->is_done(); }));
}

}  // namespace polybus::bus

// How arrivals get from the queues of a subscriber's connections into its ring, and what is counted on the way.
#include "bus/transport/subscriber_state.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <polybus/error.hpp>

#include "bus/memory/fault_point.hpp"

namespace polybus::bus {

bool SubscriberPort::State::any_ready() const noexcept {
  const size_t words = (inlets.size() + 63) / 64;
  for (size_t i = 0; i < words; ++i)
    if (place.block->ready[i].load(std::memory_order_acquire) != 0) return true;
  return std::any_of(leaving.begin(), leaving.end(), [](const auto& inlet) { return !inlet->is_empty(); });
}

bool SubscriberPort::State::is_connected(uint64_t publisher_id) const noexcept {
  for (const auto* list : {&inlets, &leaving})
    for (const auto& inlet : *list)
      if (inlet && inlet->spec().peer.publisher_id == publisher_id) return true;
  return false;
}

// Moves arrivals from the queues into the ring, one from each connection in turn. Bounded: at most one queue's worth of
// each, so that publishers that never stop cannot keep a take here.
void SubscriberPort::State::drain(Discarded* discarded) {
  if (at_held_bound()) return;
  for (uint32_t round = 0; round < config.queue_depth; ++round) {
    bool more = false;
    for (size_t word = 0; word * 64 < inlets.size(); ++word) {
      std::atomic<uint64_t>& ready = place.block->ready[word];
      for (uint64_t bits = ready.load(std::memory_order_acquire); bits != 0; bits &= bits - 1) {
        const size_t index = word * 64 + static_cast<size_t>(std::countr_zero(bits));
        const uint64_t bit = bits & -bits;
        if (index >= inlets.size() || !inlets[index]) {
          ready.fetch_and(~bit);
          continue;
        }
        if (config.blocking && ring_is_full()) return;  // the bit stays: back-pressure
        // Down before popping: a message pushed after the pop below found nothing sets it again (layout.hpp).
        ready.fetch_and(~bit, std::memory_order_seq_cst);
        fault_point("take.ready_taken_down");
        std::atomic_thread_fence(std::memory_order_seq_cst);
        drain_one(*inlets[index], discarded);
        if (!inlets[index]->is_empty()) {
          ready.fetch_or(bit, std::memory_order_relaxed);
          more = true;
        } else {
          retire_drained(inlets[index], discarded);
        }
      }
    }
    bool is_full = false;
    for (auto& inlet : leaving) {
      is_full = config.blocking && ring_is_full();
      if (is_full) break;  // not further, but those that ended before it must go
      if (drain_one(*inlet, discarded)) {
        more = true;
        continue;
      }
      // That it died before it came over to this run nobody tells.
      if (!inlet->is_done() && !process_lives(inlet->spec().peer.pid)) inlet->publisher_gone = true;
      retire_drained(inlet, discarded);
    }
    std::erase(leaving, nullptr);
    if (is_full || !more) return;
  }
}

bool SubscriberPort::State::drain_one(Inlet& inlet, Discarded* discarded) {
  if (!inlet.started && !inlet.is_empty() && !start(inlet, discarded)) return true;
  std::shared_ptr<Received> message = inlet.pop(&inlet.broken);
  if (!message) return false;
  const uint64_t sequence = message->header().sequence;
  if (sequence > inlet.popped_sequence) {
    inlet.skipped += sequence - inlet.popped_sequence - 1;
    inlet.popped_sequence = sequence;
  }
  if (sequence <= inlet.newest_sequence) {  // a kept value that the earlier run delivered
    discarded->messages.push_back(std::move(message));
    return true;
  }
  lost_before_ring += sequence - inlet.newest_sequence - 1;
  inlet.newest_sequence = sequence;
  fault_point("take.seen");
  arrive(std::move(message), discarded);
  fault_point("take.arrived");
  return true;
}

// Before the first message of a connection: where it begins, for a publisher heard of in an earlier run of the bus right
// behind what that delivered. What the publisher pushed there it pushed before anything here, so it is served first. False:
// it is not yet, for want of room in the ring.
bool SubscriberPort::State::start(Inlet& inlet, Discarded* discarded) {
  for (auto& old : leaving) {
    if (old.get() == &inlet) break;  // the oldest run comes first, and `inlet` may be of an earlier run itself
    if (!old || old->spec().peer.publisher_id != inlet.spec().peer.publisher_id) continue;
    while (!old->is_empty()) {
      if (config.blocking && ring_is_full()) return false;
      drain_one(*old, discarded);
    }
    old->publisher_gone = true;
    note_seen(*old, discarded);
  }
  const uint64_t base = inlet.block().base_sequence.load(std::memory_order_acquire);
  const auto before = seen.find(inlet.spec().peer.publisher_id);
  inlet.popped_sequence = base == 0 ? 0 : base - 1;
  inlet.newest_sequence = before.value_or(inlet.popped_sequence);
  inlet.started = true;
  return true;
}

// What the publisher's next connection has to know when this one ends.
void SubscriberPort::State::note_seen(Inlet& inlet, Discarded* discarded) {
  if (!inlet.started && inlet.block().base_sequence.load(std::memory_order_acquire) != 0) start(inlet, discarded);
  if (!inlet.started) return;  // never attached
  const PeerInfo& peer = inlet.spec().peer;
  seen.note(peer.publisher_id, peer.pid, inlet.newest_sequence, [this](uint64_t id) { return is_connected(id); });
}

void SubscriberPort::State::arrive(std::shared_ptr<Received> message, Discarded* discarded) {
  if (!newest || message->header().published_realtime_ns >= newest->header().published_realtime_ns) {
    if (newest) discarded->messages.push_back(std::move(newest));
    newest = message;
  }
  ring.push_back(std::move(message));
  if (ring.size() <= config.queue_depth) return;
  ++dropped_in_ring;
  discarded->messages.push_back(std::move(ring.front()));
  ring.pop_front();
}

// A connection whose publisher is gone ends here once it is empty; messages taken from it keep it alive on their own.
void SubscriberPort::State::retire_drained(std::shared_ptr<Inlet>& inlet, Discarded* discarded) {
  // That the publisher is done may also mean that it went over to the next run: what was delivered must be remembered then.
  if (!(inlet->leaving ? inlet->is_done() : inlet->publisher_gone) || !inlet->is_empty()) return;
  if (inlet->leaving || seen.contains(inlet->spec().peer.publisher_id)) note_seen(*inlet, discarded);
  lost_before_ring += inlet->unseen_losses();
  discarded->inlets.push_back(std::move(inlet));
  inlet = nullptr;
}

void SubscriberPort::State::throw_if_unusable() const {
  if (closed) throw Error(Code::closed, "the subscriber of topic " + config.topic + " is closed");
}

uint64_t SubscriberPort::State::lost() const noexcept {
  uint64_t lost = lost_before_ring + dropped_in_ring;
  for (const auto* list : {&inlets, &leaving})
    for (const auto& inlet : *list)
      if (inlet) lost += inlet->unseen_losses();
  return lost;
}

void SubscriberPort::State::write_counters(uint64_t bytes, uint64_t published_ns) noexcept {
  StatSlot* stat = place.stat;
  if (stat == nullptr) return;
  stat->messages.store(taken, std::memory_order_relaxed);
  bump(stat->bytes, bytes);
  stat->last_realtime_ns.store(published_ns, std::memory_order_relaxed);
  uint64_t evicted = 0;
  for (const auto& inlet : inlets)
    if (inlet) evicted += inlet->dropped();
  stat->lost.store(lost(), std::memory_order_relaxed);
  stat->evicted.store(evicted, std::memory_order_relaxed);
  stat->level.store(ring.size(), std::memory_order_relaxed);
  stat->held.store(held.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

// The caller's own handle, so that held samples are counted exactly, whatever else keeps the message.
Sample SubscriberPort::State::hand_out(std::shared_ptr<Received> message, const std::shared_ptr<State>& self) {
  held.fetch_add(1, std::memory_order_relaxed);
  const Received* view = message.get();
  return Sample(view, [message = std::move(message), self](const Received*) mutable {
    message.reset();
    if (self->fork.in_child()) return;
    const uint32_t left = self->held.fetch_sub(1, std::memory_order_relaxed) - 1;
    // `place` may be exchanged by a restart of busd meanwhile; the counters then catch up at the next take.
    std::unique_lock lock(self->mutex, std::try_to_lock);
    if (lock && self->place.stat != nullptr) self->place.stat->held.store(left, std::memory_order_relaxed);
  });
}

}  // namespace polybus::bus

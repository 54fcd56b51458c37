#include "bus/transport/subscriber_port.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <deque>
#include <mutex>
#include <polybus/error.hpp>
#include <unordered_map>

#include "bus/memory/fault_point.hpp"
#include "bus/memory/fork_guard.hpp"
#include "bus/transport/futex.hpp"
#include "bus/transport/inlet.hpp"
#include "bus/transport/limits.hpp"
#include "bus/transport/spin.hpp"
#include "bus/transport/stat.hpp"

namespace polybus::bus {
namespace {

uint64_t monotonic_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// What must be destroyed only after the port's lock is let go: the end of a message can be the end of its connection,
// which calls out.
struct Discarded {
  std::vector<std::shared_ptr<Received>> messages;
  std::vector<std::shared_ptr<Inlet>> inlets;
};

void bump(std::atomic<uint64_t>& counter, uint64_t by) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);  // one writer each
}

bool process_lives(uint32_t pid) noexcept {
  return pid == 0 || ::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH;
}

// A signal that comes while its thread spins does not end the sleep behind it: this is how late it may be noticed.
constexpr auto kHeedingSpinMax = std::chrono::milliseconds(100);

bool is_any_set(const SubscriberBlock& block) noexcept {
  return std::any_of(std::begin(block.ready), std::end(block.ready),
                     [](const auto& word) { return word.load(std::memory_order_relaxed) != 0; });
}

// How often a sleeper looks for what came over connections of an earlier run, whose bell it does not hear any more.
constexpr auto kLeavingPatience = std::chrono::seconds(1);

}  // namespace

struct SubscriberPort::State {
  State(SubscriberConfig config, SubscriberPlace where, std::function<void(uint64_t)> on_closed)
      : config(std::move(config)),
        place(std::move(where)),
        on_closed(std::make_shared<const Inlet::OnClosed>(std::move(on_closed))) {}
  ~State() {
    if (wake_fd >= 0) ::close(wake_fd);
  }

  const SubscriberConfig config;
  mutable std::mutex mutex;
  SubscriberPlace place;
  std::shared_ptr<const Inlet::OnClosed> on_closed;
  std::vector<std::shared_ptr<Inlet>> inlets;   // by ready index, null where free
  std::vector<std::shared_ptr<Inlet>> leaving;  // of an earlier run of the bus: polled until drained
  std::deque<std::shared_ptr<Received>> ring;   // arrivals not taken yet, oldest first, at most queue_depth
  std::shared_ptr<Received> newest;             // by publish time, for latest()
  std::unordered_map<uint64_t, uint64_t> seen;  // publisher id → newest sequence, over restarts of busd
  std::atomic<uint32_t> held{0};
  uint64_t taken = 0;
  uint64_t dropped_in_ring = 0;
  uint64_t lost_before_ring = 0;  // gaps in the sequences that came out of the queues
  bool closed = false;
  int wake_fd = -1;
  Spin spin;
  ForkGuard fork;

  bool any_ready() const noexcept;
  void drain(Discarded* discarded);
  bool drain_one(Inlet& inlet, Discarded* discarded);
  bool start(Inlet& inlet, Discarded* discarded);
  void note_seen(Inlet& inlet, Discarded* discarded);
  void retire_drained(std::shared_ptr<Inlet>& inlet, Discarded* discarded);
  void arrive(std::shared_ptr<Received> message, Discarded* discarded);
  bool ring_is_full() const noexcept { return ring.size() >= config.queue_depth; }
  bool at_held_bound() const noexcept { return held.load(std::memory_order_relaxed) >= kHeldMax; }
  void throw_if_unusable() const;
  uint64_t lost() const noexcept;
  void write_counters(uint64_t bytes, uint64_t published_ns) noexcept;
  Sample hand_out(std::shared_ptr<Received> message, const std::shared_ptr<State>& self);
  void look_before_sleeping(const Deadline& deadline);
  void note_sleep(Clock::time_point began) noexcept;
};

bool SubscriberPort::State::any_ready() const noexcept {
  const size_t words = (inlets.size() + 63) / 64;
  for (size_t i = 0; i < words; ++i)
    if (place.block->ready[i].load(std::memory_order_acquire) != 0) return true;
  return std::any_of(leaving.begin(), leaving.end(), [](const auto& inlet) { return !inlet->is_empty(); });
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
  inlet.newest_sequence = before != seen.end() ? before->second : inlet.popped_sequence;
  inlet.started = true;
  return true;
}

// What the publisher's next connection has to know when this one ends.
void SubscriberPort::State::note_seen(Inlet& inlet, Discarded* discarded) {
  if (!inlet.started && inlet.block().base_sequence.load(std::memory_order_acquire) != 0) start(inlet, discarded);
  if (!inlet.started) return;  // never attached
  uint64_t& newest = seen[inlet.spec().peer.publisher_id];
  newest = std::max(newest, inlet.newest_sequence);
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

// ---- waiting ---------------------------------------------------------------------------------------------------------

// For as long as that has paid lately. The lock is not held meanwhile, and what is found is left to the caller.
void SubscriberPort::State::look_before_sleeping(const Deadline& deadline) {
  std::shared_ptr<Window> window;  // keeps the block mapped
  const SubscriberBlock* block = nullptr;
  Clock::time_point until;
  {
    std::lock_guard lock(mutex);
    if (closed || !ring.empty() || any_ready()) return;
    const auto patience = spin.begin();
    if (patience == Clock::duration::zero()) return;
    until = Clock::now() + patience;
    window = place.window;
    block = place.block;
  }
  if (deadline) until = std::min(until, *deadline);
  bool has_come = is_any_set(*block);
  while (!has_come && Clock::now() < until) {
    pause_briefly();
    has_come = is_any_set(*block);
  }
  std::lock_guard lock(mutex);
  has_come ? spin.found() : spin.missed();
}

// Of a sleep that ended with something to take.
void SubscriberPort::State::note_sleep(Clock::time_point began) noexcept {
  if (ring.empty()) return;
  const Clock::time_point came{std::chrono::nanoseconds(ring.back()->header().published_monotonic_ns)};
  const Clock::time_point now = Clock::now();
  // Else it was on its way before the wait began, or its stamp is somebody's invention.
  if (came >= began && came <= now) spin.slept(came - began, now - came);
}

// ---- port ------------------------------------------------------------------------------------------------------------

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

Waited SubscriberPort::wait(std::chrono::nanoseconds timeout, bool heeds_signals) {
  const Clock::time_point began = Clock::now();
  const Deadline deadline = deadline_after(timeout);
  const bool ends_soon = timeout >= std::chrono::nanoseconds::zero() && timeout <= kHeedingSpinMax;
  if (timeout != std::chrono::nanoseconds::zero() && (ends_soon || !heeds_signals))
    state_->look_before_sleeping(deadline);
  for (bool has_slept = false;; has_slept = true) {
    std::shared_ptr<Window> window;  // keeps the word mapped while we sleep on it
    SubscriberBlock* block = nullptr;
    uint32_t armed = 0;
    Deadline until = deadline;
    {
      Discarded discarded;
      std::lock_guard lock(state_->mutex);
      State& state = *state_;
      if (state.closed) return Waited::closed;
      block = state.place.block;
      window = state.place.window;
      const auto something = [&] {
        state.drain(&discarded);
        return !state.ring.empty() || (state.at_held_bound() && state.any_ready());
      };
      if (something()) {
        if (has_slept) state.note_sleep(began);
        return Waited::ready;
      }
      if (timeout == std::chrono::nanoseconds::zero()) return Waited::timeout;
      armed = block->bell.arm();  // S1
      fault_point("wait.armed");
      std::atomic_thread_fence(std::memory_order_seq_cst);  // S2
      if (something()) return Waited::ready;                // S3
      if (!state.leaving.empty())
        until = std::min(deadline.value_or(Clock::time_point::max()), Clock::now() + kLeavingPatience);
    }
    fault_point("wait.about_to_sleep");
    switch (futex_wait(block->bell.word, armed, until)) {  // S4
      case FutexWait::woken: break;
      case FutexWait::timeout:
        if (until == deadline) return Waited::timeout;
        break;
      case FutexWait::interrupted: return Waited::interrupted;
    }
  }
}

int SubscriberPort::wake_fd() {
  std::lock_guard lock(state_->mutex);
  state_->throw_if_unusable();
  if (state_->wake_fd >= 0) return state_->wake_fd;
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0)
    throw Error(
        errno == EMFILE || errno == ENFILE ? Code::limit : Code::io,
        "topic " + config_.topic + ": no descriptor for waiting (" + std::strerror(errno) + "); raise `ulimit -n`");
  state_->wake_fd = fd;
  // Readable from the start: whoever waits looks once, and the take() that finds nothing arms it.
  ring(state_->place.block, fd);
  return fd;
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

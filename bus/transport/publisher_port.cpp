#include "bus/transport/publisher_port.hpp"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <deque>
#include <mutex>
#include <polybus/error.hpp>

#include "bus/memory/chunk_pools.hpp"
#include "bus/memory/fault_point.hpp"
#include "bus/memory/fork_guard.hpp"
#include "bus/memory/message_header.hpp"
#include "bus/transport/futex.hpp"
#include "bus/transport/limits.hpp"
#include "bus/transport/outlet.hpp"
#include "bus/transport/stat.hpp"

namespace polybus::bus {
namespace {

uint64_t now_ns(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

namespace {

ChunkPools::BudgetLeft budget_of(const PublisherPlace& place) {
  if (place.stat_owner == nullptr) return {};
  return [file = place.stat_owner] { return file->memory_left_bytes(); };
}

}  // namespace

// The publisher's memory and connections on one run of the bus. Loans keep it, so that they stay readable after a restart
// of busd and after close.
struct PublisherGeneration {
  PublisherGeneration(PublisherPlace where, uint64_t quota_bytes, std::shared_ptr<std::mutex> lock)
      : mutex(std::move(lock)),
        place(std::move(where)),
        pools(place.extent, place.extent_fd, quota_bytes, budget_of(place)) {}
  ~PublisherGeneration() {
    outlets.clear();
    if (place.extent_fd >= 0) ::close(place.extent_fd);
  }

  std::shared_ptr<std::mutex> mutex;
  PublisherPlace place;
  ChunkPools pools;
  std::deque<ChunkId> history;  // oldest first; each holds one reference
  std::vector<std::unique_ptr<Outlet>> outlets;
  uint32_t loans = 0;
  const uint32_t pid = static_cast<uint32_t>(::getpid());
  ForkGuard fork;
};

struct PublisherPort::State {
  std::shared_ptr<std::mutex> mutex = std::make_shared<std::mutex>();
  std::condition_variable attached;
  std::shared_ptr<PublisherGeneration> generation;
  uint64_t sequence = 0;
  uint64_t bytes = 0;
  bool closed = false;

  Outlet* find(uint64_t connection_id) const {
    for (const auto& outlet : generation->outlets)
      if (outlet->id() == connection_id) return outlet.get();
    return nullptr;
  }
};

// ---- loans -----------------------------------------------------------------------------------------------------------

Loan::Loan(Loan&& other) noexcept { *this = std::move(other); }

Loan& Loan::operator=(Loan&& other) noexcept {
  if (this == &other) return *this;
  discard();
  generation_ = std::move(other.generation_);
  payload_ = std::exchange(other.payload_, nullptr);
  capacity_ = std::exchange(other.capacity_, 0);
  chunk_ = std::exchange(other.chunk_, 0);
  return *this;
}

Loan::~Loan() { discard(); }

void Loan::discard() noexcept {
  if (payload_ == nullptr) return;
  if (!generation_->fork.in_child()) {
    std::shared_ptr<std::mutex> mutex = generation_->mutex;
    std::lock_guard lock(*mutex);
    generation_->pools.release(ChunkId{chunk_});
    --generation_->loans;
  }
  payload_ = nullptr;
  generation_.reset();
}

// ---- port ------------------------------------------------------------------------------------------------------------

namespace {

[[noreturn]] void throw_shortage(const PublisherConfig& config, const PublisherGeneration& generation, uint64_t bytes,
                                 Shortage shortage) {
  const std::string message = "topic " + config.topic + ": a message of " + std::to_string(bytes) + " bytes";
  if (shortage == Shortage::too_large)
    throw Error(Code::too_large, message + " does not fit the publisher's quota of " +
                                     std::to_string(config.quota_bytes) +
                                     " bytes; open the publisher with a larger quota" + " (at most " +
                                     std::to_string(kMessageBytesMax) + " bytes a message)");
  if (shortage == Shortage::budget)
    throw Error(
        Code::no_memory,
        message + ": the bus's memory of " + std::to_string(generation.place.stat_owner->header().memory_budget_bytes) +
            " bytes is used up by all publishers together (`bus-cli info` names them); close some, give them smaller "
            "quotas, or start busd with a larger POLYBUS_MEMORY");
  if (shortage == Shortage::system) throw Error(Code::no_memory, message + ": the system has no memory left for it");
  std::string holder = (config.history != 0 ? "kept values and " : "") + std::to_string(generation.loans) + " loans";
  uint32_t most = 0;
  for (const auto& outlet : generation.outlets) {
    if (outlet->lent() <= most) continue;
    most = outlet->lent();
    holder = "node " + outlet->spec().peer_node + " (pid " + std::to_string(outlet->spec().peer_pid) + ") with " +
             std::to_string(most) + " messages waiting or held";
  }
  throw Error(Code::no_memory, message + ": the publisher's quota of " + std::to_string(config.quota_bytes) +
                                   " bytes is used up, most by " + holder +
                                   "; release samples, use a smaller queue or a larger quota");
}

ChunkId allocate(PublisherGeneration& generation, uint64_t bytes, Shortage* shortage) {
  ChunkPools::Allocation got = generation.pools.allocate(bytes, false);
  if (got.id == ChunkId::none) {
    for (const auto& outlet : generation.outlets) outlet->collect();
    got = generation.pools.allocate(bytes, true);
    // At once: others reckon with it.
    if (StatSlot* stat = generation.place.stat)
      stat->memory_bytes.store(generation.pools.bytes_in_pools(), std::memory_order_relaxed);
  }
  *shortage = got.shortage;
  return got.id;
}

// Writes the value into the ring that busd reads. The order matters: see HistorySlot.
void write_history_slot(PublisherGeneration& generation, uint32_t history, const MessageHeader& header, ChunkId chunk) {
  HistorySlot& slot = generation.place.block->slots[header.sequence % history];
  slot.sequence.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  fault_point("history.taken_down");
  slot.chunk_offset.store(generation.pools.offset(chunk), std::memory_order_relaxed);
  fault_point("history.half_written");
  slot.published_realtime_ns.store(header.published_realtime_ns, std::memory_order_relaxed);
  slot.sequence.store(header.sequence, std::memory_order_release);
}

void keep(PublisherGeneration& generation, uint32_t history, ChunkId chunk) {
  generation.pools.add_reference(chunk);
  generation.history.push_back(chunk);
  fault_point("history.referenced");
  write_history_slot(generation, history, *generation.pools.message_header(chunk), chunk);
  fault_point("history.written");
  if (generation.history.size() <= history) return;
  generation.pools.release(generation.history.front());
  generation.history.pop_front();
  fault_point("history.oldest_released");
}

// Notes the counters once a second of sending, over the older of the two readings (see StatSlot).
void mark_rate(StatSlot& stat, uint64_t sequence, uint64_t bytes, uint64_t now_ns) {
  const uint64_t turn = stat.mark_turn.load(std::memory_order_relaxed);
  const uint64_t newest_ns = stat.marks[(turn / 2 + 1) % 2].monotonic_ns.load(std::memory_order_relaxed);
  if (newest_ns != 0 && now_ns - newest_ns < 1'000'000'000) return;
  StatSlot::Mark& mark = stat.marks[turn / 2 % 2];
  stat.mark_turn.store(turn + 1, std::memory_order_relaxed);
  fault_point("send.rate_half_marked");
  std::atomic_thread_fence(std::memory_order_release);  // a reader that sees a new number sees the odd turn, too
  mark.messages.store(sequence, std::memory_order_relaxed);
  mark.bytes.store(bytes, std::memory_order_relaxed);
  mark.monotonic_ns.store(now_ns, std::memory_order_relaxed);
  stat.mark_turn.store(turn + 2, std::memory_order_release);
}

void write_counters(const PublisherGeneration& generation, uint64_t sequence, uint64_t bytes, uint64_t stamp_ns) {
  StatSlot* stat = generation.place.stat;
  if (stat == nullptr) return;
  stat->messages.store(sequence, std::memory_order_relaxed);
  fault_point("send.half_counted");
  stat->bytes.store(bytes, std::memory_order_relaxed);
  stat->last_realtime_ns.store(stamp_ns, std::memory_order_relaxed);
  stat->level.store(generation.loans, std::memory_order_relaxed);
  stat->memory_bytes.store(generation.pools.bytes_in_pools(), std::memory_order_relaxed);
  stat->peers.store(generation.outlets.size(), std::memory_order_relaxed);
}

}  // namespace

PublisherPort::PublisherPort(PublisherConfig config, PublisherPlace place)
    : config_(std::move(config)), state_(std::make_unique<State>()) {
  if (place.stat != nullptr) place.stat->quota_bytes.store(config_.quota_bytes, std::memory_order_relaxed);
  state_->generation = std::make_shared<PublisherGeneration>(std::move(place), config_.quota_bytes, state_->mutex);
}

PublisherPort::~PublisherPort() {
  if (state_->generation->fork.in_child()) {
    [[maybe_unused]] auto* leaked = new std::shared_ptr<PublisherGeneration>(state_->generation);
    return;
  }
  close();
}

Loan PublisherPort::loan(uint64_t bytes) {
  std::lock_guard lock(*state_->mutex);
  if (state_->closed) throw Error(Code::closed, "the publisher of topic " + config_.topic + " is closed");
  PublisherGeneration& generation = *state_->generation;
  if (generation.loans >= kLoansMax)
    throw Error(Code::too_many_loans, "topic " + config_.topic + ": " + std::to_string(kLoansMax) +
                                          " drafts are on loan, which is the bound; publish or discard some first");
  Shortage shortage = Shortage::none;
  const ChunkId chunk = allocate(generation, bytes, &shortage);
  if (chunk == ChunkId::none) throw_shortage(config_, generation, bytes, shortage);
  ++generation.loans;
  fault_point("loan.taken");
  Loan loan;
  loan.generation_ = state_->generation;
  loan.chunk_ = static_cast<uint64_t>(chunk);
  loan.payload_ = generation.pools.payload(chunk);
  loan.capacity_ = generation.pools.payload_capacity(chunk);
  return loan;
}

uint64_t PublisherPort::send(Loan& loan, uint64_t bytes, std::chrono::milliseconds timeout) {
  if (!loan)
    throw Error(Code::invalid_argument, "topic " + config_.topic + ": the draft was published or discarded before");
  if (bytes > loan.capacity())
    throw Error(Code::invalid_argument, "topic " + config_.topic + ": " + std::to_string(bytes) +
                                            " bytes to publish, but the draft has room for " +
                                            std::to_string(loan.capacity()));
  std::shared_ptr<PublisherGeneration> outlived;  // the loan's, if of an earlier run: its end unmaps, without the lock
  std::unique_lock lock(*state_->mutex);
  const Deadline deadline = timeout.count() == 0 ? Deadline(Clock::time_point::min()) : deadline_after(timeout);
  for (;;) {
    if (state_->closed) throw Error(Code::closed, "the publisher of topic " + config_.topic + " is closed");
    Outlet* full = nullptr;
    for (const auto& outlet : state_->generation->outlets)
      if (outlet->block().blocking != 0 && outlet->is_open() && !outlet->has_room()) full = outlet.get();
    if (full == nullptr) break;
    Bell& room = full->block().room_bell;
    const uint32_t armed = room.arm();
    fault_point("send.armed_for_room");
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (full->has_room() || !full->is_open()) continue;
    const AttachSpec slow = full->spec();
    const std::shared_ptr<PublisherGeneration> keep_mapped = state_->generation;  // the word, while we sleep on it
    lock.unlock();
    const bool late = deadline && Clock::now() >= *deadline;
    if (late || futex_wait(room.word, armed, deadline) == FutexWait::timeout)
      throw Error(Code::timeout, "topic " + config_.topic + ": node " + slow.peer_node + " (pid " +
                                     std::to_string(slow.peer_pid) + ") asked to block and " +
                                     (timeout.count() == 0 ? "has no room" : "made no room in time") +
                                     "; nothing was sent");
    lock.lock();
  }

  PublisherGeneration& generation = *state_->generation;
  if (loan.generation_ != state_->generation) {  // loaned before busd was restarted
    Shortage shortage = Shortage::none;
    const ChunkId chunk = allocate(generation, bytes, &shortage);
    if (chunk == ChunkId::none) throw_shortage(config_, generation, bytes, shortage);
    std::memcpy(generation.pools.payload(chunk), loan.payload_, bytes);
    loan.generation_->pools.release(ChunkId{loan.chunk_});
    --loan.generation_->loans;
    ++generation.loans;
    outlived = std::exchange(loan.generation_, state_->generation);
    loan.chunk_ = static_cast<uint64_t>(chunk);
  }

  const ChunkId chunk{loan.chunk_};
  MessageHeader& header = *generation.pools.message_header(chunk);
  fault_point("send.begun");
  const uint64_t sequence = ++state_->sequence;
  header = {.magic = MessageHeader::kMagic,
            .version = MessageHeader::kVersion,
            .flags = config_.schema_prefix != 0 ? MessageHeader::kTyped : uint16_t{0},
            .payload_bytes = bytes,
            .schema_prefix = config_.schema_prefix,
            .publisher_id = config_.publisher_id,
            .sequence = sequence,
            .published_monotonic_ns = now_ns(CLOCK_MONOTONIC),
            .published_realtime_ns = now_ns(CLOCK_REALTIME),
            .publisher_pid = generation.pid,
            .reserved = 0};
  fault_point("send.numbered");
  if (config_.history != 0) keep(generation, config_.history, chunk);
  for (const auto& outlet : generation.outlets) {
    if (!outlet->is_open()) continue;
    outlet->push(chunk);
    outlet->ring();
  }
  fault_point("send.delivered");
  state_->bytes += bytes;
  generation.pools.release(chunk);
  --generation.loans;
  write_counters(generation, sequence, state_->bytes, header.published_realtime_ns);
  if (generation.place.stat != nullptr)
    mark_rate(*generation.place.stat, sequence, state_->bytes, header.published_monotonic_ns);
  fault_point("send.counted");
  loan.payload_ = nullptr;
  loan.generation_.reset();
  return sequence;
}

namespace {

// How many kept values are newer than a sequence. Between busd's choice for a newcomer and the attach the program goes on
// publishing, and the newest value is what history is for.
size_t kept_after(const PublisherGeneration& generation, uint64_t sequence) {
  size_t count = 0;
  for (auto i = generation.history.rbegin(); i != generation.history.rend(); ++i, ++count)
    if (generation.pools.message_header(*i)->sequence <= sequence) break;
  return count;
}

}  // namespace

void PublisherPort::attach(AttachSpec spec) {
  {
    std::lock_guard lock(*state_->mutex);
    if (state_->closed || state_->find(spec.connection_id) != nullptr) {
      if (spec.wake_fd >= 0) ::close(spec.wake_fd);
      return;
    }
    PublisherGeneration& generation = *state_->generation;
    auto outlet = std::make_unique<Outlet>(std::move(spec), generation.pools);
    fault_point("attach.begun");
    // No more than the queue holds: what would be evicted at once is not lost, it was never sent to this subscriber.
    const size_t wanted = std::max<size_t>(outlet->spec().history, kept_after(generation, outlet->spec().kept_until));
    const size_t count = std::min<uint64_t>({wanted, generation.history.size(), outlet->block().queue.capacity()});
    const size_t first = generation.history.size() - count;
    const uint64_t base =
        count == 0 ? state_->sequence + 1 : generation.pools.message_header(generation.history[first])->sequence;
    outlet->block().base_sequence.store(base, std::memory_order_release);
    fault_point("attach.based");
    for (size_t i = first; i < generation.history.size(); ++i) outlet->push(generation.history[i]);
    fault_point("attach.kept_values_pushed");
    // Rung even if nothing was pushed: messages may wait in a connection of an earlier run, whose bell nobody hears.
    outlet->ring();
    fault_point("attach.rung");
    generation.outlets.push_back(std::move(outlet));
    if (generation.place.stat != nullptr)
      generation.place.stat->peers.store(generation.outlets.size(), std::memory_order_relaxed);
  }
  state_->attached.notify_all();
}

void PublisherPort::set_wake_fd(uint64_t connection_id, int fd) {
  std::lock_guard lock(*state_->mutex);
  fault_point("wake_fd.arrived");
  if (Outlet* outlet = state_->find(connection_id))
    outlet->set_wake_fd(fd);
  else
    ::close(fd);
}

void PublisherPort::detach(uint64_t connection_id) {
  std::lock_guard lock(*state_->mutex);
  PublisherGeneration& generation = *state_->generation;
  if (Outlet* outlet = state_->find(connection_id)) release_producer(&outlet->block());
  fault_point("detach.producer_released");
  std::erase_if(generation.outlets, [&](const auto& outlet) { return outlet->id() == connection_id; });
  if (generation.place.stat != nullptr)
    generation.place.stat->peers.store(generation.outlets.size(), std::memory_order_relaxed);
}

namespace {

// Tells the subscribers of a run that is over for this publisher; what is queued can still be taken.
void end_connections(PublisherGeneration& generation) {
  for (const auto& outlet : generation.outlets) {
    auto open = ConnectionState::open;
    outlet->block().state.compare_exchange_strong(open, ConnectionState::publisher_done);
    fault_point("close.publisher_done");
    outlet->ring();
    outlet->block().room_bell.ring_anyway([&] { futex_wake_all(outlet->block().room_bell.word); });
  }
}

}  // namespace

void PublisherPort::rebind(PublisherPlace place) {
  std::shared_ptr<PublisherGeneration> old;  // outlives the lock: its end unmaps memory
  std::lock_guard lock(*state_->mutex);
  old = state_->generation;
  auto fresh = std::make_shared<PublisherGeneration>(std::move(place), config_.quota_bytes, state_->mutex);
  for (ChunkId kept : old->history) {
    const MessageHeader& header = *old->pools.message_header(kept);
    Shortage shortage = Shortage::none;
    const ChunkId copy = allocate(*fresh, header.payload_bytes, &shortage);
    if (copy == ChunkId::none) continue;  // the new run has less memory; the newest that fit are kept
    *fresh->pools.message_header(copy) = header;
    std::memcpy(fresh->pools.payload(copy), old->pools.payload(kept), header.payload_bytes);
    keep(*fresh, config_.history, copy);
    fresh->pools.release(copy);
  }
  fault_point("rebind.values_copied");
  end_connections(*old);
  fault_point("rebind.connections_ended");
  // Subscribers of the old run read on in the pages they have mapped: nothing of the old extent is ever allocated again.
  state_->generation = fresh;
  if (fresh->place.stat != nullptr) {
    fresh->place.stat->quota_bytes.store(config_.quota_bytes, std::memory_order_relaxed);
    write_counters(*fresh, state_->sequence, state_->bytes, 0);
  }
}

void PublisherPort::close() {
  std::lock_guard lock(*state_->mutex);
  if (state_->closed) return;
  state_->closed = true;
  end_connections(*state_->generation);
  // busd may give their blocks away from now on: what it still says of them must find nothing here.
  fault_point("close.connections_ended");
  state_->generation->outlets.clear();
  state_->generation->place.stat = nullptr;  // busd gives the slot to another end
}

bool PublisherPort::wait_for_subscribers(uint32_t count, std::chrono::milliseconds timeout) {
  std::unique_lock lock(*state_->mutex);
  const auto enough = [&] { return state_->closed || state_->generation->outlets.size() >= count; };
  if (timeout.count() < 0)
    state_->attached.wait(lock, enough);
  else
    state_->attached.wait_for(lock, timeout, enough);
  return state_->generation->outlets.size() >= count;
}

uint64_t PublisherPort::sequence() const {
  std::lock_guard lock(*state_->mutex);
  return state_->sequence;
}

uint64_t PublisherPort::bytes_sent() const {
  std::lock_guard lock(*state_->mutex);
  return state_->bytes;
}

uint32_t PublisherPort::subscribers() const {
  std::lock_guard lock(*state_->mutex);
  return static_cast<uint32_t>(state_->generation->outlets.size());
}

uint32_t PublisherPort::loans() const {
  std::lock_guard lock(*state_->mutex);
  return state_->generation->loans;
}

uint64_t PublisherPort::chunks_in_use() const {
  std::lock_guard lock(*state_->mutex);
  return state_->generation->pools.chunks_in_use();
}

uint64_t PublisherPort::memory_bytes() const {
  std::lock_guard lock(*state_->mutex);
  return state_->generation->pools.bytes_in_pools();
}

}  // namespace polybus::bus

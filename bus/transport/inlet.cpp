#include "bus/transport/inlet.hpp"

#include "bus/memory/fault_point.hpp"
#include "bus/memory/guard.hpp"
#include "bus/transport/futex.hpp"
#include "iceoryx_posh/mepoo/chunk_header.hpp"

namespace polybus::bus {

const PeerInfo& Received::peer() const noexcept { return inlet_->spec().peer; }
const Extent& Received::extent() const noexcept { return *inlet_->spec().extent; }

Received::~Received() {
  if (inlet_) inlet_->give_back(*this);
}

Inlet::Inlet(ConnectSpec spec, std::shared_ptr<Window> window, std::shared_ptr<const OnClosed> on_closed)
    : spec_(std::move(spec)), window_(std::move(window)), on_closed_(std::move(on_closed)) {}

Inlet::~Inlet() {
  if (fork_.in_child()) return;
  fault_point("close.about_to_unmap");
  spec_.extent.reset();
  fault_point("close.unmapped");
  if (on_closed_ && *on_closed_) (*on_closed_)(spec_.connection_id);
}

bool Inlet::abandon_unattached() noexcept {
  const auto is_attached = [this] { return block().base_sequence.load(std::memory_order_seq_cst) != 0; };
  if (is_attached()) return false;
  auto open = ConnectionState::open;
  block().state.compare_exchange_strong(open, ConnectionState::subscriber_closing);
  if (!is_attached()) return true;
  publisher_gone = true;  // it attached just now, and pushes nothing more
  return false;
}

std::shared_ptr<Received> Inlet::pop(uint64_t* broken) {
  uint32_t slot = 0;
  while (block().queue.pop(slot)) {
    fault_point("take.popped");
    if (block().blocking != 0) {  // room was made: wake a publisher that waits for it, see layout.hpp
      std::atomic_thread_fence(std::memory_order_seq_cst);
      block().room_bell.ring([&] { futex_wake_all(block().room_bell.word); });
    }
    if (slot >= kLendSlots) {
      ++*broken;
      continue;
    }
    if (auto message = open(slot, block().lent[slot].load(std::memory_order_relaxed))) return message;
    ++*broken;
  }
  return nullptr;
}

// Same user, same trust: this catches mistakes and a publisher that died in a bad moment, not malice.
std::shared_ptr<Received> Inlet::open(uint32_t slot, uint64_t chunk_offset) {
  struct Access : Received {};  // make_shared and a private constructor
  auto message = std::make_shared<Access>();
  message->slot_ = slot;
  fault_point("take.slot_owned");
  message->inlet_ = shared_from_this();  // from here on the slot goes back in any case
  const Extent& extent = *spec_.extent;
  if (chunk_offset % 8 != 0 || !extent.contains(chunk_offset, sizeof(iox::mepoo::ChunkHeader) + sizeof(MessageHeader)))
    return nullptr;
  // What the headers say is read where it is shared, not where this process may have written (guard.hpp).
  const auto* chunk = reinterpret_cast<const iox::mepoo::ChunkHeader*>(window_->at(chunk_offset));
  const auto* header = static_cast<const MessageHeader*>(chunk->userHeader());
  if (header == nullptr || header->magic != MessageHeader::kMagic) return nullptr;
  const uint64_t payload_offset = window_->offset_of(chunk->userPayload());
  const uint64_t payload_bytes = header->payload_bytes;
  if (!extent.contains(payload_offset, payload_bytes)) return nullptr;
  message->header_ = header;
  message->payload_ = window_->payload_at(payload_offset);
  message->payload_bytes_ = payload_bytes;
  // Small messages share pages: one that was written for another message's sake is stale.
  guard_forget(message->payload_, message->payload_bytes_);
  return message;
}

void Inlet::give_back(const Received& message) noexcept {
  if (fork_.in_child()) return;
  if (message.payload_ != nullptr) guard_forget(message.payload_, message.payload_bytes_);
  std::lock_guard lock(return_mutex_);
  fault_point("release.begun");
  uint32_t evicted = 0;
  block().returned.push(message.slot_, evicted);  // as many places as slots: never full
  fault_point("release.returned");
}

}  // namespace polybus::bus

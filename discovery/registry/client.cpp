#include "discovery/registry/client.hpp"

#include "discovery/protocol/codec.hpp"

namespace polybus::registry {
namespace {

constexpr size_t kGraphEventsBytesMax = 1u << 20;  // events of the graph are the first to go
constexpr size_t kQueuedBytesMax = 64u << 20;

bool is_graph_event(const discovery::Notice& notice) {
  const auto* event = std::get_if<discovery::Event>(&notice.body);
  return event != nullptr && std::holds_alternative<discovery::GraphEvent>(*event);
}

}  // namespace

Client::Client(uint64_t number, discovery::Fd socket, uint32_t process)
    : id(number), pid(process), channel(std::move(socket), discovery::kFirstFrameBytesMax) {}

void Client::send(discovery::Notice notice) {
  if (is_graph_event(notice)) {
    if (channel.queued_bytes() > kGraphEventsBytesMax) {
      graph_events_lost_ = true;
      return;
    }
    if (std::exchange(graph_events_lost_, false))
      channel.queue(discovery::encode({discovery::Event{discovery::GraphEvent{"events_lost", "", "", "", 0}}, {}}));
  }
  discovery::Frame frame = discovery::encode(notice);
  // Only a graph can be that large.
  if (const auto* reply = std::get_if<discovery::Reply>(&notice.body);
      reply != nullptr && frame.bytes.size() > discovery::kFrameBytesMax)
    frame = discovery::encode(
        {discovery::Reply{reply->id, discovery::Failure{Code::limit, "the answer is larger than 16 MiB"}}, {}});
  channel.queue(std::move(frame));
  dirty = true;
}

bool Client::flush() {
  dirty = false;
  return channel.flush() && channel.queued_bytes() <= kQueuedBytesMax;
}

}  // namespace polybus::registry

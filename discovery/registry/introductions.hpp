// How a publisher and a subscriber get to know each other.
#pragma once

#include <cstdint>

#include "discovery/registry/bus.hpp"

namespace polybus::registry {

// Lays out a connection and tells the subscriber's process; when that has answered, the publisher's. A process that is
// stopped delays this one connection. `kept`: values the publisher pushes first. `awaited_by`: the end whose process
// waits for it. Throws LIMIT, NO_MEMORY.
void introduce(Bus& bus, Publisher* publisher, Subscriber* subscriber, KeptChoice kept, End* awaited_by);
// A publisher that is gone: busd itself puts its newest `count` values into the queue.
void introduce_kept(Bus& bus, Publisher* publisher, Subscriber* subscriber, uint32_t count);

// The processes' answers. Of connections that busd does not know (an earlier run's) they are no news.
void on_connected(Bus& bus, const discovery::Connected& answer);
void on_attached(Bus& bus, const discovery::Attached& answer);

// Nobody waits for this connection any more; the last one tells the process that its end is settled.
void settle(Connection* connection);

// A process was asked, or has answered.
void note_asked(Session* session);
void note_answered(Session* session);
// Has left a question unanswered for so long that nobody should wait for it.
bool is_sluggish(const Session* session);

}  // namespace polybus::registry

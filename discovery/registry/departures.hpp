// What happens when an end or a process goes: peers are told, and memory is free again when nobody will touch it any more.
#pragma once

#include "discovery/registry/bus.hpp"

namespace polybus::registry {

// closed  by its process, which lives and answers
// lost    the socket is gone, or the process was killed, but it is not known to be dead: it may still touch its memory, so
//         nothing of it is free
enum class Departure { closed, lost };

void publisher_gone(Bus& bus, Publisher* publisher, Departure how);
void subscriber_gone(Bus& bus, Subscriber* subscriber);

// The socket is gone; the process may live.
void process_lost(Bus& bus, Session* session);
// The process is dead, or has said that it uses nothing any more. Takes the session's record along.
void process_died(Bus& bus, Session* session);

// The processes' answers and news; the session is the one they come from.
void on_connection_closed(Bus& bus, const Session& session, uint64_t connection);
void on_detached(Bus& bus, const Session& session, uint64_t connection);
void on_extent_unmapped(Bus& bus, Session& session, const discovery::ExtentUnmapped& news);

// One connection of a publisher that is gone. `unattached`: it has pushed nothing, so busd serves its kept values instead.
void end_for_subscriber(Bus& bus, Connection* connection, Departure how, bool unattached);
// Tells the subscriber, once, that nothing more comes.
void say_goodbye(Bus& bus, Connection* connection);
// The subscriber's side is over: the publisher's process takes back what it lent.
void finish_subscriber_side(Bus& bus, Connection* connection);

// Frees the record and its memory if nobody needs it any more, and then what only it needed.
void free_if_unused(Bus& bus, Connection* connection);
void free_if_unused(Bus& bus, Publisher* publisher);
void free_if_unused(Bus& bus, Subscriber* subscriber);

}  // namespace polybus::registry

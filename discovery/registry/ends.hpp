// How ends come to a topic.
#pragma once

#include "discovery/registry/bus.hpp"

namespace polybus::registry {

// Makes the end, answers request `reply_to` with its place, and introduces it to those who are there. Throw Error; then
// nothing has changed, except that an exclusive publisher whose process was killed is gone.
void advertise(Bus& bus, Session& session, uint64_t reply_to, discovery::Advertise request);
void subscribe(Bus& bus, Session& session, uint64_t reply_to, discovery::Subscribe request);

}  // namespace polybus::registry

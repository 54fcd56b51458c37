// The newest values of a topic, which outlive their publishers.
#pragma once

#include <cstdint>
#include <map>

#include "discovery/registry/bus.hpp"

namespace polybus::registry {

// How many values a topic keeps: the most that one of its publishers asked for, whether it is still there or not.
uint32_t kept_limit(const Topic& topic);

// The newest `wanted` values of the topic, or as many as it keeps: how many each publisher has of them. They are always the
// newest of each. Live publishers that keep values are there also with none: they may publish meanwhile.
std::map<Publisher*, KeptChoice> choose_kept(const Bus& bus, const Topic& topic, uint32_t wanted);

// How many of its publisher's values a connection that was never attached should have brought.
uint32_t kept_by_now(const Bus& bus, const Connection& connection);

// Kept values that are no longer among the newest let go of the memory of publishers that are gone.
void drop_outdated(Bus& bus, Topic& topic);
// The same of all topics: publishers that are there replace kept values without a word to busd.
void drop_outdated(Bus& bus);

// How many values of publishers that are gone a newcomer would get.
uint32_t count_kept(const Bus& bus, const Topic& topic);

}  // namespace polybus::registry

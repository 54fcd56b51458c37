// What can be chosen when a node, a publisher, a subscriber or a region is opened. Write them as designated initialisers:
// node.publisher<Imu>("sensors/imu", {.history = 1}).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace polybus {

// Zero: do not wait. Negative: wait for ever. Literals such as 1s and 20ms convert by themselves.
using Timeout = std::chrono::nanoseconds;

struct NodeOptions {
  std::string bus = {};                       // empty: POLYBUS_BUS, else "default"
  std::string socket_path = {};               // empty: POLYBUS_SOCKET, else derived from the bus's name
  Timeout timeout = std::chrono::seconds(5);  // for connecting
  std::optional<bool> autostart = {};         // whether a missing busd is started; none: as POLYBUS_AUTOSTART says
  std::string language = "c++";               // shown by tools
};

struct PublisherOptions {
  uint32_t history = 0;          // kept values for those who come later, 0..64; they outlive the publisher
  bool exclusive = false;        // refuses a second publisher of the topic (EXCLUSIVE)
  Timeout timeout = Timeout(0);  // how long a publish may wait for subscribers that asked to block
  uint64_t quota = 1ull << 30;   // memory this publisher may use [bytes]; taken only as needed
};

// What happens when a subscriber's queue is full.
enum class Overflow {
  drop_oldest,  // the oldest message waiting is dropped and counted in lost(); publishers never wait
  block,        // publishers wait for room, up to their own timeout; what is lost while busd is away is counted
};

struct SubscriberOptions {
  uint32_t queue = 16;                   // messages that may wait, 1..1024
  std::optional<uint32_t> history = {};  // kept values wanted at the start; none: all there are, up to `queue`
  Overflow overflow = Overflow::drop_oldest;
  Timeout timeout = Timeout(-1);  // a range-for over the subscriber ends after so long without a message
};

struct RegionOptions {
  size_t size = 64 << 10;  // the largest value that may be written [bytes]
};

}  // namespace polybus

// What the latency programs compare: one way to send bytes and one to receive them, per transport.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace bench {

// A pair of topics between two processes. The first eight bytes of a message are a number, the rest is not touched.
class Link {
 public:
  virtual ~Link() = default;
  virtual void send(uint64_t number, size_t bytes) = 0;
  // Waits for the next message: asleep (blocking) or by looking again and again (polling).
  virtual uint64_t receive(bool blocking) = 0;
};

// `is_ping`: which end this is. `name`: the bus, or what keeps two runs apart.
std::unique_ptr<Link> make_polybus_link(bool is_ping, const std::string& name);
std::unique_ptr<Link> make_iceoryx_link(bool is_ping, const std::string& name);
std::unique_ptr<Link> make_zeromq_link(bool is_ping, const std::string& name);

}  // namespace bench

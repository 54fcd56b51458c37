#pragma once

#include <cstring>
#include <polybus/polybus.hpp>

#include "tests/bench/link.hpp"

namespace bench {

class PolybusLink final : public Link {
 public:
  PolybusLink(bool is_ping, const std::string& bus)
      : node_("bench", {.bus = bus}),
        publisher_(node_.publisher(is_ping ? "bench/ping" : "bench/pong")),
        subscriber_(node_.subscriber(is_ping ? "bench/pong" : "bench/ping")) {
    publisher_.wait_for_subscribers(1, std::chrono::seconds(20));
  }

  void send(uint64_t number, size_t bytes) override {
    auto draft = publisher_.loan(bytes);
    std::memcpy(draft.data().data(), &number, sizeof number);
    draft.publish(bytes);
  }

  uint64_t receive(bool blocking) override {
    for (;;) {
      auto sample = subscriber_.take(blocking ? std::chrono::seconds(20) : std::chrono::seconds(0));
      if (!sample) continue;
      uint64_t number = 0;
      std::memcpy(&number, sample->data().data(), sizeof number);
      return number;
    }
  }

 private:
  polybus::Node node_;
  polybus::Publisher<polybus::Bytes> publisher_;
  polybus::Subscriber<polybus::Dynamic> subscriber_;
};

inline std::unique_ptr<Link> make_polybus_link(bool is_ping, const std::string& name) {
  return std::make_unique<PolybusLink>(is_ping, name);
}

}  // namespace bench

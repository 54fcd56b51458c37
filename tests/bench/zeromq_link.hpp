#pragma once

#include <cstring>
#include <string>
#include <zmq.hpp>

#include "tests/bench/link.hpp"

namespace bench {

class ZeromqLink final : public Link {
 public:
  ZeromqLink(bool is_ping, const std::string& name) {
    const std::string address = "ipc:///tmp/polybus-bench-" + name;
    if (is_ping)
      socket_.bind(address);
    else
      socket_.connect(address);
  }

  void send(uint64_t number, size_t bytes) override {
    zmq::message_t message(bytes);  // not filled beyond the number, as with the others
    std::memcpy(message.data(), &number, sizeof number);
    socket_.send(message, zmq::send_flags::none);
  }

  uint64_t receive(bool blocking) override {
    zmq::message_t message;
    while (!socket_.recv(message, blocking ? zmq::recv_flags::none : zmq::recv_flags::dontwait)) {
    }
    uint64_t number = 0;
    std::memcpy(&number, message.data(), sizeof number);
    return number;
  }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_{context_, zmq::socket_type::pair};
};

inline std::unique_ptr<Link> make_zeromq_link(bool is_ping, const std::string& name) {
  return std::make_unique<ZeromqLink>(is_ping, name);
}

}  // namespace bench

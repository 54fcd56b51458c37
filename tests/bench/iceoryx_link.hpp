// Raw iceoryx 2.0.3 as its own examples use it; iox-roudi must run.
#pragma once

#include <unistd.h>

#include <chrono>
#include <thread>

#include "iceoryx_hoofs/log/logmanager.hpp"
#include "iceoryx_posh/popo/untyped_publisher.hpp"
#include "iceoryx_posh/popo/untyped_subscriber.hpp"
#include "iceoryx_posh/popo/wait_set.hpp"
#include "iceoryx_posh/runtime/posh_runtime.hpp"
#include "tests/bench/link.hpp"

namespace bench {

class IceoryxLink final : public Link {
 public:
  explicit IceoryxLink(bool is_ping)
      : publisher_({"bench", "x", is_ping ? "ping" : "pong"}),
        subscriber_({"bench", "x", is_ping ? "pong" : "ping"}, {16}) {
    wait_set_.attachState(subscriber_, iox::popo::SubscriberState::HAS_DATA).or_else([](auto) { std::abort(); });
    while (!publisher_.hasSubscribers()) std::this_thread::yield();
  }

  void send(uint64_t number, size_t bytes) override {
    publisher_.loan(static_cast<uint32_t>(bytes)).and_then([&](void* payload) {
      *static_cast<uint64_t*>(payload) = number;
      publisher_.publish(payload);
    });
  }

  uint64_t receive(bool blocking) override {
    uint64_t number = 0;
    for (bool got = false; !got;) {
      if (blocking && !subscriber_.hasData()) wait_set_.wait();
      subscriber_.take().and_then([&](const void* payload) {
        number = *static_cast<const uint64_t*>(payload);
        subscriber_.release(payload);
        got = true;
      });
    }
    return number;
  }

 private:
  iox::popo::UntypedPublisher publisher_;
  iox::popo::UntypedSubscriber subscriber_;
  iox::popo::WaitSet<> wait_set_;
};

inline std::unique_ptr<Link> make_iceoryx_link(bool is_ping, const std::string& name) {
  iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kOff,
                                                           iox::log::LogLevelOutput::kHideLogLevel);
  const std::string runtime = name + (is_ping ? "-ping" : "-pong");
  iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, runtime));
  return std::make_unique<IceoryxLink>(is_ping);
}

}  // namespace bench

// A publisher or subscriber of stock iceoryx 2.0.3, as its own examples are written, for compare.py to kill. It sends and checks the
// same messages as the workers of `bus-cli chaos`.
//
//   iceoryx-worker publish|subscribe NAME FILE     FILE: three 64-bit counters, turns, messages, wrong ones
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <unordered_map>

#include "iceoryx_hoofs/log/logmanager.hpp"
#include "iceoryx_posh/popo/untyped_publisher.hpp"
#include "iceoryx_posh/popo/untyped_subscriber.hpp"
#include "iceoryx_posh/runtime/posh_runtime.hpp"
#include "tools/bus-cli/chaos/message.hpp"

namespace {

using namespace polybus::cli::chaos;

struct Counters {
  std::atomic<uint64_t> turns, messages, wrong;
};

Counters* open_counters(const char* path) {
  const int fd = ::open(path, O_RDWR | O_CLOEXEC);
  void* memory = ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) std::exit(2);
  ::close(fd);
  return static_cast<Counters*>(memory);
}

const iox::capro::ServiceDescription kTopic{"chaos", "x", "plain"};

void publish(Counters& counters) {
  iox::popo::UntypedPublisher publisher(kTopic);
  std::mt19937_64 random(static_cast<uint64_t>(::getpid()));
  for (uint64_t number = 1;; ++counters.turns) {
    for (uint64_t left = 1 + random() % 32; left != 0; --left) {
      const uint64_t bytes = kMessageBytesMin + random() % 256 * 8;
      publisher.loan(static_cast<uint32_t>(bytes)).and_then([&](void* payload) {
        write_message({static_cast<std::byte*>(payload), bytes}, static_cast<uint64_t>(::getpid()), number++);
        publisher.publish(payload);
        ++counters.messages;
      });
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
}

void subscribe(Counters& counters) {
  iox::popo::UntypedSubscriber subscriber(kTopic, {64});
  std::unordered_map<uint64_t, uint64_t> newest;  // by publisher
  for (;; ++counters.turns) {
    bool got = true;
    while (got) {
      got = false;
      subscriber.take().and_then([&](const void* payload) {
        const auto* words = static_cast<const uint64_t*>(payload);
        const bool is_whole =
            words[0] <= (1u << 20) && is_message({static_cast<const std::byte*>(payload), words[0]}, words[2]);
        uint64_t& before = newest[words[1]];
        if (!is_whole || words[2] <= before) ++counters.wrong;
        before = words[2];
        subscriber.release(payload);
        ++counters.messages;
        got = true;
      });
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kOff,
                                                           iox::log::LogLevelOutput::kHideLogLevel);
  Counters& counters = *open_counters(argv[3]);
  iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, argv[2]));
  if (std::strcmp(argv[1], "publish") == 0)
    publish(counters);
  else
    subscribe(counters);
}

// topics COUNT MESSAGES: one process with COUNT topics open sends and takes MESSAGES on one of them; prints the instructions
// (where the machine counts them) and nanoseconds per message. The two figures of `topics 1` and `topics 1000` should agree.
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <polybus/polybus.hpp>
#include <string>
#include <vector>

namespace {

int open_instruction_counter() {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_HW_INSTRUCTIONS;
  attributes.exclude_kernel = 1;
  return static_cast<int>(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int count = std::atoi(argv[1]);
  const int messages = std::atoi(argv[2]);
  polybus::Node node("topics");
  std::vector<polybus::Publisher<polybus::Bytes>> publishers;
  std::vector<polybus::Subscriber<polybus::Dynamic>> subscribers;
  for (int i = 0; i < count; ++i) {
    const std::string topic = "bench/topic" + std::to_string(i);
    publishers.push_back(node.publisher(topic, {.quota = 1 << 20}));
    subscribers.push_back(node.subscriber(topic));
  }
  auto& publisher = publishers[static_cast<size_t>(count) / 2];
  auto& subscriber = subscribers[static_cast<size_t>(count) / 2];
  const auto exchange = [&](int times) {
    for (int i = 0; i < times; ++i) {
      publisher.publish_bytes("0123456789012345678901234567890123456789012345678901234567890123");
      if (!subscriber.take()) std::abort();
    }
  };
  exchange(messages / 10 + 1);
  const int counter = open_instruction_counter();
  uint64_t instructions = 0;
  if (counter >= 0) ::ioctl(counter, PERF_EVENT_IOC_RESET, 0);
  const auto start = std::chrono::steady_clock::now();
  exchange(messages);
  const auto took = std::chrono::steady_clock::now() - start;
  if (counter < 0 || ::read(counter, &instructions, sizeof instructions) != sizeof instructions) instructions = 0;
  std::printf("{\"topics\":%d,\"ns\":%.1f,\"instructions\":%.1f}\n", count,
              static_cast<double>(took.count()) / messages, static_cast<double>(instructions) / messages);
}

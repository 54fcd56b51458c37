// kill -9 and SIGSTOP at random moments of a take: the publisher lives on, loses no chunk and never waits.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <random>

#include "bus/memory/chunk_pools.hpp"
#include "tests/unit/transport/local_bus.hpp"

namespace polybus::bus::test {
namespace {

// Takes, checks and releases as fast as it can until it is killed; ends with 1 if a message is wrong.
[[noreturn]] void take_for_ever(SubscriberPort& port, std::atomic<uint64_t>& taken) {
  uint64_t newest = 0;
  std::vector<Sample> held;
  for (;;) {
    Sample sample = port.take();
    if (!sample) continue;
    const auto* words = reinterpret_cast<const uint64_t*>(sample->payload());
    if (words[0] <= newest || words[7] != words[0] || words[0] != sample->header().sequence) ::_exit(1);
    newest = words[0];
    if (held.size() < 20) held.push_back(sample);  // dies holding these
    taken.fetch_add(1, std::memory_order_relaxed);
  }
}

// A subscriber in a child process, attached to `publisher`. The child makes its port itself, so that it owns it.
struct Taker {
  pid_t pid;
  uint64_t connection_id;
};
Taker start_taker(LocalBus& bus, LocalBus::Publisher& publisher, uint32_t queue_depth, uint32_t history,
                  std::atomic<uint64_t>& taken) {
  auto subscriber = bus.subscriber(queue_depth);
  const auto prepared = bus.prepare(publisher, subscriber);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      const SubscriberConfig config = subscriber.port->config();
      SubscriberPort port(config, SubscriberPlace{bus.window(), subscriber.block, nullptr, nullptr}, nullptr);
      ConnectSpec spec;
      spec.connection_id = prepared.id;
      spec.connection = prepared.block;
      spec.ready_index = prepared.ready_index;
      spec.extent = publisher.extent;
      spec.peer.publisher_id = publisher.id;
      port.connect(std::move(spec));
      take_for_ever(port, taken);
    } catch (...) {
      ::_exit(2);
    }
  }
  bus.attach_publisher(publisher, subscriber, prepared, history);
  return {pid, prepared.id};
}

void kill_and_reap(pid_t pid) {
  ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the subscriber saw a wrong message or an error: " << status;
}

void send_number(PublisherPort& port) {
  Loan loan = port.loan(64);
  auto* words = reinterpret_cast<uint64_t*>(loan.data());
  words[0] = words[7] = port.sequence() + 1;
  port.send(loan, 64, {});
}

TEST(Kill, a_publisher_loses_no_chunk_however_many_subscribers_are_killed_in_a_take) {
  LocalBus bus;
  auto* taken = new (bus.allocate(sizeof(std::atomic<uint64_t>))) std::atomic<uint64_t>(0);
  auto publisher = bus.publisher(4, 1 << 20);
  std::mt19937 random(7);
  bus.mark_blocks();
  for (int round = 0; round < 150; ++round) {
    const Taker takers[2] = {start_taker(bus, publisher, 64, 4, *taken), start_taker(bus, publisher, 8, 0, *taken)};
    const int sends = static_cast<int>(random() % 3000);
    for (int i = 0; i < sends; ++i) send_number(*publisher.port);
    for (const Taker& taker : takers) {
      kill_and_reap(taker.pid);
      publisher.port->detach(taker.connection_id);
    }
    bus.reuse_blocks();
  }
  EXPECT_GT(taken->load(), 0U);
  // 4 kept values are all that is in use: the quota of 1 MiB holds thousands of loans' worth of the rest.
  std::vector<Loan> loans;
  for (int i = 0; i < 60; ++i) loans.push_back(publisher.port->loan(15'000));
  EXPECT_EQ(loans.size(), 60U);
}

TEST(Kill, a_stopped_subscriber_costs_only_its_own_queue) {
  LocalBus bus;
  auto* taken = new (bus.allocate(sizeof(std::atomic<uint64_t>))) std::atomic<uint64_t>(0);
  auto publisher = bus.publisher();
  auto running = bus.subscriber(1024);
  bus.connect(publisher, running);
  const Taker stopped = start_taker(bus, publisher, 8, 0, *taken);
  for (int i = 0; i < 1000; ++i) send_number(*publisher.port);
  ::kill(stopped.pid, SIGSTOP);
  uint64_t received = 0;
  for (int i = 0; i < 10'000; ++i) {
    send_number(*publisher.port);
    while (running.port->take()) ++received;
  }
  EXPECT_EQ(received + running.port->lost(), 11'000U);
  EXPECT_EQ(running.port->lost(), 0U);
  kill_and_reap(stopped.pid);
  publisher.port->detach(stopped.connection_id);
}

}  // namespace
}  // namespace polybus::bus::test

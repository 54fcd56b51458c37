// pingpong TRANSPORT NAME blocking|polling BYTES ROUNDS: starts its other end, sends a message to and fro, and prints one
// line of JSON with the one-way latency (half a round trip) in nanoseconds.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "tests/bench/iceoryx_link.hpp"
#include "tests/bench/link.hpp"
#include "tests/bench/polybus_link.hpp"
#include "tests/bench/zeromq_link.hpp"

namespace {

std::unique_ptr<bench::Link> make_link(std::string_view transport, bool is_ping, const std::string& name) {
  if (transport == "polybus") return bench::make_polybus_link(is_ping, name);
  if (transport == "iceoryx") return bench::make_iceoryx_link(is_ping, name);
  if (transport == "zeromq") return bench::make_zeromq_link(is_ping, name);
  std::fprintf(stderr, "unknown transport\n");
  std::exit(2);
}

// Answers every message with its number; 0 ends it.
void pong(bench::Link& link, bool blocking, size_t bytes) {
  for (uint64_t number = 1; number != 0;) {
    number = link.receive(blocking);
    link.send(number, bytes);
  }
}

std::vector<int64_t> ping(bench::Link& link, bool blocking, size_t bytes, uint64_t rounds) {
  std::vector<int64_t> round_trips;
  round_trips.reserve(rounds);
  for (uint64_t number = 1; number <= rounds; ++number) {
    const auto start = std::chrono::steady_clock::now();
    link.send(number, bytes);
    if (link.receive(blocking) != number) std::abort();
    round_trips.push_back((std::chrono::steady_clock::now() - start).count());
  }
  link.send(0, bytes);
  link.receive(blocking);
  std::sort(round_trips.begin(), round_trips.end());
  return round_trips;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: pingpong polybus|iceoryx|zeromq NAME blocking|polling BYTES ROUNDS\n");
    return 2;
  }
  const std::string_view transport = argv[1];
  const bool blocking = std::string_view(argv[3]) == "blocking";
  const size_t bytes = std::strtoull(argv[4], nullptr, 10);
  const uint64_t rounds = std::strtoull(argv[5], nullptr, 10);

  const pid_t other = ::fork();
  const bool is_ping = other != 0;
  if (!is_ping) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto link = make_link(transport, is_ping, argv[2]);
  if (!is_ping) {
    pong(*link, blocking, bytes);
    return 0;
  }
  const auto round_trips = ping(*link, blocking, bytes, rounds);
  int status = 0;
  ::waitpid(other, &status, 0);
  const auto at = [&](double part) {
    return static_cast<double>(round_trips[static_cast<size_t>(part * static_cast<double>(rounds - 1))]) / 2;
  };
  std::printf("{\"transport\":\"%s\",\"mode\":\"%s\",\"bytes\":%zu,\"p50_ns\":%.0f,\"p99_ns\":%.0f,\"min_ns\":%.0f}\n",
              argv[1], argv[3], bytes, at(0.5), at(0.99), at(0));
  return status == 0 ? 0 : 1;
}

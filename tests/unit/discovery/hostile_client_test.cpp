// Clients that speak garbage, too much, or not at all.
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <deque>
#include <fstream>
#include <random>
#include <thread>

#include "bus/transport/blocks.hpp"
#include "discovery/protocol/channel.hpp"
#include "discovery/protocol/codec.hpp"
#include "tests/unit/discovery/busd_process.hpp"
#include "tests/unit/sanitized.hpp"

namespace polybus::discovery {
namespace {

using namespace testing_support;
using polybus::testing_support::kIsSanitized;
using testing::HasSubstr;

class HostileClients : public BusdTest {
 protected:
  Fd knock() {
    Fd fd;
    EXPECT_TRUE(eventually([&] { return connect_unix(socket, &fd) == Reached::yes; }));
    return fd;
  }
  // Somebody decent is served as if nothing had happened.
  void expect_all_is_well() {
    const auto member = join("decent");
    const auto subscriber = member.subscriber("well");
    const auto publisher = member.publisher("well");
    send(*publisher, "x");
    EXPECT_EQ(receive(*subscriber), "x");
  }
  static bool is_cut_off(const Fd& fd) {
    pollfd wait{fd.get(), POLLIN, 0};
    char byte;
    return ::poll(&wait, 1, 10'000) == 1 && ::recv(fd.get(), &byte, 1, 0) <= 0;
  }
};

TEST_F(HostileClients, garbage_costs_only_its_sender_the_connection) {
  const auto witness = join("witness");
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    const Fd fd = knock();
    std::vector<uint32_t> words(random() % 500 + 4);
    for (auto& word : words) word = static_cast<uint32_t>(random());
    words[0] = 1000;  // segments
    [[maybe_unused]] const auto n = ::send(fd.get(), words.data(), words.size() * 4, MSG_NOSIGNAL);
    EXPECT_TRUE(is_cut_off(fd)) << "seed " << seed;
  }
  EXPECT_TRUE(witness.session->connected());
  expect_all_is_well();
}

TEST_F(HostileClients, damaged_requests_of_a_joined_client_harm_nobody) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  const Frame join_frame =
      encode(Request{1, Join{POLYBUS_VERSION, protocol_version(), bus::layout_hash(), "test"}, {}});
  const std::vector<Frame> frames = {
      encode(Request{2, AddNode{1, "n", "c++"}, {}}),
      encode(
          Request{3, Advertise{.end = 1, .node = 1, .topic = "t", .publisher_id = 1, .schema = {}, .history = 1}, {}}),
      encode(Request{
          4,
          Subscribe{
              .end = 1, .node = 1, .topic = "t", .subscriber_id = 1, .schema = {}, .queue_depth = 4, .history = 1},
          {}}),
      encode(Request{0, Connected{1, {}}, {}}),
      encode(Request{0, ClosePublisher{1}, {}}),
      encode(Request{0, AskGraph{}, {}})};
  for (int round = 0; round < 300; ++round) {
    const Fd fd = knock();
    ASSERT_GT(::send(fd.get(), join_frame.bytes.data(), join_frame.bytes.size(), MSG_NOSIGNAL), 0);
    for (Frame frame : frames) {
      if (random() % 3 == 0) frame.bytes[random() % frame.bytes.size()] ^= static_cast<std::byte>(1u << (random() % 8));
      [[maybe_unused]] const auto n = ::send(fd.get(), frame.bytes.data(), frame.bytes.size(), MSG_NOSIGNAL);
    }
  }
  expect_all_is_well();
}

TEST_F(HostileClients, a_frame_without_end_is_refused_before_it_costs_memory) {
  const Fd fd = knock();
  const uint32_t header[] = {0, 0x0fffffff};  // 2 GiB announced
  ASSERT_EQ(::send(fd.get(), header, sizeof header, MSG_NOSIGNAL), 8);
  EXPECT_TRUE(is_cut_off(fd));
  expect_all_is_well();
}

TEST_F(HostileClients, a_client_that_dies_half_way_through_a_message_is_forgotten) {
  for (int i = 0; i < 100; ++i) {
    const Fd fd = knock();
    const uint32_t half[] = {0, 100, 1, 2, 3};
    ASSERT_EQ(::send(fd.get(), half, sizeof half, MSG_NOSIGNAL), 20);
  }
  expect_all_is_well();
}

TEST_F(HostileClients, thousands_of_connections_that_never_join_keep_nobody_out) {
  std::vector<Fd> silent;
  for (int i = 0; i < 2000; ++i) {
    Fd fd;
    if (connect_unix(socket, &fd) == Reached::yes) silent.push_back(std::move(fd));
  }
  expect_all_is_well();  // joins when those that are there have had their second
}

TEST_F(HostileClients, a_crowd_that_keeps_coming_is_named_when_a_newcomers_time_is_up) {
  std::atomic<bool> stop{false};
  std::thread crowd([&] {
    std::deque<Fd> silent;
    while (!stop) {
      Fd fd;
      if (connect_unix(socket, &fd) != Reached::yes) continue;
      silent.push_back(std::move(fd));
      if (silent.size() > 600) silent.pop_front();
    }
  });
  // One that busd keeps out although its first second is long over, or that got through: never an error of another kind.
  ConnectOptions impatient = options();
  impatient.timeout = 100ms;
  for (int i = 0; i < 10; ++i) {
    try {
      Session::join(impatient);
    } catch (const Error& e) {
      EXPECT_TRUE(e.code() == Code::timeout ||
                  (e.code() == Code::limit && std::string(e.what()).find("waiting to join") != std::string::npos))
          << e.what();
    }
  }
  stop = true;
  crowd.join();
  expect_all_is_well();
}

TEST_F(HostileClients, descriptors_nobody_asked_for_are_not_kept) {
  const auto member = join("witness");
  const auto count_fds = [&] {
    const auto entries = std::filesystem::directory_iterator("/proc/" + std::to_string(busd_->pid()) + "/fd");
    return std::distance(begin(entries), end(entries));
  };
  const auto before = count_fds();
  {
    Channel channel(knock(), kFrameBytesMax);
    channel.queue(encode(Request{1, Join{POLYBUS_VERSION, protocol_version(), bus::layout_hash(), ""}, {}}));
    for (int i = 0; i < 200; ++i) {
      Request request{0, AskGraph{}, {share(Fd(::dup(0))), share(Fd(::dup(0)))}};
      channel.queue(encode(request));
    }
    channel.flush();
    EXPECT_TRUE(eventually([&] { return !channel.wants_write() || (channel.flush(), false); }));
    member.session->graph();
    EXPECT_LT(count_fds(), before + 150);
  }
  EXPECT_TRUE(eventually([&] { return count_fds() <= before; }));
}

TEST_F(HostileClients, a_crowd_that_has_left_leaves_no_memory_behind) {
  if (kIsSanitized) GTEST_SKIP() << "the sanitizer keeps what was freed";
  const auto member = join("witness");
  const auto memory_kib = [&] {
    std::ifstream file("/proc/" + std::to_string(busd_->pid()) + "/smaps_rollup");
    for (std::string word; file >> word;)
      if (size_t kib = 0; word == "Private_Dirty:" && file >> kib) return kib;
    return size_t{0};
  };
  const auto before = memory_kib();
  const Frame join_frame =
      encode(Request{1, Join{POLYBUS_VERSION, protocol_version(), bus::layout_hash(), "test"}, {}});
  {
    std::vector<Fd> crowd(400);
    for (Fd& fd : crowd) {
      fd = knock();
      ASSERT_GT(::send(fd.get(), join_frame.bytes.data(), join_frame.bytes.size(), MSG_NOSIGNAL), 0);
    }
    ASSERT_TRUE(eventually([&] { return memory_kib() > before + 4096; })) << "nothing to be left behind";
  }
  EXPECT_TRUE(eventually([&] { return memory_kib() < before + 1024; })) << before << " before, now " << memory_kib();
}

TEST_F(HostileClients, a_client_that_does_not_read_keeps_nobody_waiting) {
  const Fd fd = knock();
  Channel channel(Fd(::dup(fd.get())), kFrameBytesMax);
  channel.queue(encode(Request{1, Join{POLYBUS_VERSION, protocol_version(), bus::layout_hash(), ""}, {}}));
  for (int i = 0; i < 5000; ++i) channel.queue(encode(Request{static_cast<uint64_t>(i) + 2, AskGraph{}, {}}));
  channel.flush();
  expect_all_is_well();
}

TEST_F(HostileClients, an_older_program_is_told_what_to_update) {
  Channel channel(knock(), kFrameBytesMax);
  channel.queue(encode(Request{1, Join{"0.0.9", 0, 1, "test"}, {}}));
  channel.flush();
  ASSERT_TRUE(eventually([&] {
    if (!channel.receive()) return true;
    const auto bytes = channel.frames().next();
    if (!bytes) return false;
    const Notice notice = decode_notice(*bytes, channel.frames());
    const auto& failure = std::get<Failure>(std::get<Reply>(notice.body).body);
    EXPECT_EQ(failure.code, Code::version_mismatch);
    EXPECT_THAT(failure.message, HasSubstr("0.0.9"));
    return true;
  }));
}

TEST_F(HostileClients, descriptors_that_are_used_up_are_named_and_busd_goes_on) {
  if (kIsSanitized) GTEST_SKIP() << "the sanitizer needs descriptors for its checks, and takes a failure for a finding";
  stop_busd();
  busd_ = std::make_unique<Child>([&] {
    const rlimit hard{40, 40};  // the hard one, because busd raises the other
    ::setrlimit(RLIMIT_NOFILE, &hard);
    ::execl(POLYBUS_TEST_BUSD, "busd", "--bus", "test", "--socket", socket.c_str(), nullptr);
    return 127;
  });
  ASSERT_TRUE(eventually([&] {
    Fd probe;
    return connect_unix(socket, &probe) == Reached::yes;
  }));
  const auto member = join("witness");
  const auto subscriber = member.subscriber("t");
  auto publisher = member.publisher("t");
  std::vector<std::shared_ptr<PublisherEnd>> many;
  try {
    for (int i = 0; i < 60; ++i) many.push_back(member.publisher("many"));
    ADD_FAILURE() << "60 publishers with 40 descriptors";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::limit);
    EXPECT_THAT(e.what(), HasSubstr("ulimit -n"));
  }
  send(*publisher, "x");
  EXPECT_EQ(receive(*subscriber), "x");
  EXPECT_EQ(member.session->graph().nodes.size(), 1U);
  many.clear();
  EXPECT_TRUE(eventually([&] {  // what was given back can be used again
    try {
      many.push_back(member.publisher("many"));
      return true;
    } catch (const Error&) {
      return false;
    }
  }));
}

}  // namespace
}  // namespace polybus::discovery

// Clients that speak garbage, too much, or not at all.
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
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
  // Of busd.
  ptrdiff_t count_fds() const {
    const auto entries = std::filesystem::directory_iterator("/proc/" + std::to_string(busd_->pid()) + "/fd");
    return std::distance(begin(entries), end(entries));
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

// As large as `bytes`, the header of a frame included, and nonsense behind it.
std::vector<std::byte> frame_of(size_t bytes) {
  std::vector<std::byte> frame(bytes, std::byte{0xff});
  const uint32_t header[] = {0, static_cast<uint32_t>(bytes / 8 - 1)};
  std::memcpy(frame.data(), header, sizeof header);
  return frame;
}

TEST_F(HostileClients, more_than_64_KiB_are_refused_before_the_join_and_taken_after_it) {
  const Fd stranger = knock();
  ASSERT_EQ(::send(stranger.get(), frame_of(65'536 + 8).data(), 8, MSG_NOSIGNAL), 8);
  EXPECT_TRUE(is_cut_off(stranger));

  const Fd waiting = knock();  // announces what may come
  const auto allowed = frame_of(65'536);
  ASSERT_EQ(::send(waiting.get(), allowed.data(), 8, MSG_NOSIGNAL), 8);
  expect_all_is_well();  // busd has read that long ago
  pollfd is_there{waiting.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&is_there, 1, 0), 0) << "nothing is said, and it is not cut off";

  Channel member(knock(), kFrameBytesMax);
  member.queue(encode(Request{1, Join{POLYBUS_VERSION, protocol_version(), bus::layout_hash(), ""}, {}}));
  member.queue(encode(Request{2, AddNode{1, "n", "c++"}, {}}));
  Advertise large{.end = 1, .node = 1, .topic = "t", .publisher_id = 1, .schema = {}, .history = 0};
  const auto no_bundle = std::make_shared<const std::vector<std::byte>>(1u << 20, std::byte{7});
  large.schema = SchemaInfo{std::string(64, 'a'), "t.capnp:T", no_bundle};
  member.queue(encode(Request{3, large, {}}));
  uint64_t answered = 0;
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(member.flush() && member.receive());
    while (const auto bytes = member.frames().next()) {
      const Notice notice = decode_notice(*bytes, member.frames());
      if (const auto* reply = std::get_if<Reply>(&notice.body)) answered = reply->id;
    }
    return answered == 3;
  }));
}

TEST_F(HostileClients, a_client_that_dies_half_way_through_a_message_is_forgotten) {
  const auto member = join("witness");
  member.session->graph();  // busd has all it has in use
  const auto before = count_fds();
  {
    std::vector<Fd> dying(100);
    for (Fd& fd : dying) {
      fd = knock();
      const uint32_t half[] = {0, 100, 1, 2, 3};
      ASSERT_EQ(::send(fd.get(), half, sizeof half, MSG_NOSIGNAL), 20);
    }
    ASSERT_TRUE(eventually([&] { return count_fds() >= before + 100; })) << "nothing to be forgotten";
    expect_all_is_well();
  }
  EXPECT_TRUE(eventually([&] { return count_fds() <= before; })) << before << " before, now " << count_fds();
  expect_all_is_well();
}

// More descriptors for this process: all it may have.
class ManyDescriptors {
 public:
  ManyDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit all{before_.rlim_max, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &all);
  }
  ~ManyDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  ManyDescriptors(const ManyDescriptors&) = delete;
  ManyDescriptors& operator=(const ManyDescriptors&) = delete;

  size_t max() const { return before_.rlim_max; }

 private:
  rlimit before_{};
};

TEST_F(HostileClients, ten_thousand_connections_that_never_join_keep_nobody_out) {
  const ManyDescriptors descriptors;
  const size_t at_once = std::min<size_t>(10'000, descriptors.max() - 200);
  std::deque<Fd> silent;
  for (int i = 0; i < 10'000; ++i) {
    if (silent.size() == at_once) silent.pop_front();  // where the system does not allow as many at once
    silent.push_back(knock());
  }
  expect_all_is_well();  // joins when those that are there have had their second
  EXPECT_EQ(silent.size(), at_once);
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

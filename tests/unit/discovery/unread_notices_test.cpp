// Clients that ask and do not read: how much busd keeps for them, and what it does then.
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "bus/transport/blocks.hpp"
#include "discovery/protocol/channel.hpp"
#include "discovery/protocol/codec.hpp"
#include "tests/unit/discovery/busd_process.hpp"

namespace polybus::discovery {
namespace {

using namespace testing_support;

constexpr size_t kMiB = 1u << 20;

// A member that says what it wants, and reads when it is told to.
class Sluggard {
 public:
  explicit Sluggard(const std::string& socket) : Sluggard(reach(socket)) {}

  void ask(decltype(Request::body) body) { channel_.queue(encode(Request{++last_id_, std::move(body), {}})); }
  // Until busd has read all of it.
  void say_it() {
    EXPECT_TRUE(eventually([&] {
      int unread = 0;
      return channel_.flush() && !channel_.wants_write() && ::ioctl(fd_, SIOCOUTQ, &unread) == 0 && unread == 0;
    }));
  }
  bool is_given_up(int timeout_ms) const {
    pollfd wait{fd_, 0, 0};  // nothing but the end
    return ::poll(&wait, 1, timeout_ms) == 1;
  }
  // Reads until `is_enough` says so of a notice, or until the end. False: that came first.
  bool read_until(const std::function<bool(const Notice&)>& is_enough) {
    bool alive = true, enough = false;
    EXPECT_TRUE(eventually([&] {
      alive = alive && channel_.flush() && channel_.receive();
      while (const auto bytes = channel_.frames().next()) {
        read_bytes_ += bytes->size();
        enough = is_enough(decode_notice(*bytes, channel_.frames())) || enough;
        if (enough) return true;
      }
      return !alive;
    }));
    return enough;
  }
  bool read_the_last_answer() {
    return read_until([&](const Notice& notice) {
      const auto* reply = std::get_if<Reply>(&notice.body);
      return reply != nullptr && reply->id == last_id_;
    });
  }
  size_t read_bytes() const { return read_bytes_; }

 private:
  explicit Sluggard(Fd fd) : fd_(fd.get()), channel_(std::move(fd), kFrameBytesMax) {
    ask(Join{POLYBUS_VERSION, protocol_version(), bus::layout_hash(), ""});
  }
  static Fd reach(const std::string& socket) {
    Fd fd;
    EXPECT_TRUE(eventually([&] { return connect_unix(socket, &fd) == Reached::yes; }));
    return fd;
  }

  int fd_;
  Channel channel_;
  uint64_t last_id_ = 0;
  size_t read_bytes_ = 0;
};

class UnreadNotices : public BusdTest {
 protected:
  UnreadNotices() {
    for (int i = 0; i < 400; ++i)
      member.session->add_node("a node with a long name, so that the graph is large", "c++");
    member.session->graph();  // an answer: busd has heard all that
  }
  size_t graph_bytes() const {
    Sluggard curious(socket);
    curious.ask(AskGraph{});
    curious.say_it();
    EXPECT_TRUE(curious.read_the_last_answer());
    return curious.read_bytes();
  }
  void expect_all_is_well() const {
    const auto publisher = member.publisher("well");
    const auto subscriber = member.subscriber("well");
    send(*publisher, "x");
    EXPECT_EQ(receive(*subscriber), "x");
  }

  const Member member = join();
};

TEST_F(UnreadNotices, of_less_than_64_MiB_wait_for_their_reader_and_keep_nobody_else_waiting) {
  Sluggard slow(socket);
  const size_t graph = graph_bytes();
  for (size_t asked = 0; asked < 56 * kMiB; asked += graph) slow.ask(AskGraph{});
  slow.say_it();
  expect_all_is_well();
  EXPECT_FALSE(slow.is_given_up(0));
  EXPECT_TRUE(slow.read_the_last_answer());
  EXPECT_GT(slow.read_bytes(), 55 * kMiB);
}

TEST_F(UnreadNotices, of_more_than_64_MiB_cost_a_process_its_connection_and_nobody_else_anything) {
  Sluggard slow(socket);
  const size_t graph = graph_bytes();
  for (size_t asked = 0; asked < 72 * kMiB; asked += graph) slow.ask(AskGraph{});
  slow.say_it();
  EXPECT_TRUE(slow.is_given_up(20'000));
  EXPECT_FALSE(slow.read_the_last_answer());
  EXPECT_LT(slow.read_bytes(), 8 * kMiB) << "no more than what was on its way";
  expect_all_is_well();
}

TEST_F(UnreadNotices, about_the_graph_are_dropped_from_1_MiB_on_and_the_reader_is_told) {
  Sluggard slow(socket);
  slow.ask(SetWatch{true});
  slow.say_it();
  constexpr size_t kRounds = 6000;
  const std::string name(60, 'n');
  for (size_t i = 0; i < kRounds; ++i) member.session->remove_node(member.session->add_node(name, "c++"));
  member.session->graph();
  EXPECT_FALSE(slow.is_given_up(0));
  slow.ask(AskGraph{});  // is answered behind the events that are there
  slow.say_it();
  EXPECT_TRUE(slow.read_the_last_answer());
  EXPECT_GT(slow.read_bytes(), kMiB);
  EXPECT_LT(slow.read_bytes(), 2 * kMiB);

  const uint64_t next = member.session->add_node("the next", "c++");
  std::vector<std::string> heard;
  EXPECT_TRUE(slow.read_until([&](const Notice& notice) {
    const auto* event = std::get_if<Event>(&notice.body);
    const auto* change = event != nullptr ? std::get_if<GraphEvent>(event) : nullptr;
    if (change != nullptr) heard.push_back(change->event);
    return change != nullptr && change->event == "node_added";
  }));
  EXPECT_EQ(heard, (std::vector<std::string>{"events_lost", "node_added"}));
  member.session->remove_node(next);
}

}  // namespace
}  // namespace polybus::discovery

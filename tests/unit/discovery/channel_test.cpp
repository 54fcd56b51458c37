// What a channel still tells of a peer that is gone.
#include "discovery/protocol/channel.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "discovery/protocol/codec.hpp"

namespace polybus::discovery {
namespace {

std::pair<Fd, Fd> socket_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

Frame refusal() { return encode(Notice{Reply{1, Failure{Code::limit, "full"}}, {}}); }

TEST(Channel, the_last_word_of_a_peer_that_left_our_bytes_unread_is_not_lost) {
  auto [ours, theirs] = socket_pair();
  Channel channel(std::move(ours), kFrameBytesMax);
  channel.queue(refusal());
  ASSERT_TRUE(channel.flush());
  {
    Channel peer(std::move(theirs), kFrameBytesMax);
    peer.queue(refusal());
    ASSERT_TRUE(peer.flush());
  }
  channel.receive();
  EXPECT_TRUE(channel.frames().next());
  EXPECT_FALSE(channel.receive());
}

TEST(Channel, a_peer_that_said_nothing_and_left_our_bytes_unread_is_gone) {
  auto [ours, theirs] = socket_pair();
  Channel channel(std::move(ours), kFrameBytesMax);
  channel.queue(refusal());
  ASSERT_TRUE(channel.flush());
  theirs.reset();
  EXPECT_FALSE(channel.receive());
  EXPECT_FALSE(channel.frames().next());
}

TEST(Channel, bytes_that_were_on_their_way_do_not_fail_because_the_peer_is_gone) {
  auto [ours, theirs] = socket_pair();
  Channel channel(std::move(ours), kFrameBytesMax);
  {
    Channel peer(std::move(theirs), kFrameBytesMax);
    peer.queue(refusal());
    ASSERT_TRUE(peer.flush());
  }
  channel.queue(refusal());
  EXPECT_FALSE(channel.flush());
  channel.receive();
  EXPECT_TRUE(channel.frames().next());
}

}  // namespace
}  // namespace polybus::discovery

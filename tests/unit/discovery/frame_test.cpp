// Cutting messages out of a stream, however it is chopped, and descriptors to the messages they came with.
#include "discovery/protocol/frame.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "discovery/protocol/channel.hpp"
#include "discovery/protocol/codec.hpp"
#include "tests/unit/discovery/code_of.hpp"

namespace polybus::discovery {
namespace {

using testing_support::code_of;

Frame node_request(uint64_t id, const std::string& name) { return encode(Request{id, AddNode{id, name, "c++"}, {}}); }

void feed(FrameReader& reader, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto space = reader.space();
    const size_t part = std::min(space.size(), bytes.size());
    std::copy_n(bytes.begin(), part, space.begin());
    reader.arrived(part);
    bytes = bytes.subspan(part);
  }
}

TEST(FrameReader, finds_messages_in_a_stream_chopped_at_random) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  std::vector<std::byte> stream;
  for (uint64_t id = 1; id <= 200; ++id) {
    const Frame frame = node_request(id, std::string(random() % 64 + 1, 'n'));
    stream.insert(stream.end(), frame.bytes.begin(), frame.bytes.end());
  }
  FrameReader reader(kFrameBytesMax);
  uint64_t expected = 1;
  for (size_t at = 0; at < stream.size();) {
    const size_t part = std::min<size_t>(random() % 300 + 1, stream.size() - at);
    feed(reader, std::span(stream).subspan(at, part));
    at += part;
    while (const auto bytes = reader.next())
      EXPECT_EQ(decode_request(*bytes, reader).id, expected++) << "seed " << seed;
  }
  EXPECT_EQ(expected, 201u) << "seed " << seed;
}

TEST(FrameReader, refuses_a_message_that_is_announced_too_large) {
  FrameReader reader(1024);
  const uint32_t header[] = {0, 1024};  // one segment of 8 KiB
  feed(reader, std::as_bytes(std::span(header)));
  EXPECT_THROW(reader.next(), ProtocolError);
}

TEST(FrameReader, takes_a_message_of_64_segments_and_refuses_more) {
  const auto next = [](uint32_t segments) {
    FrameReader reader(1024);
    std::vector<uint32_t> header(segments / 2 * 2 + 2);  // all of them empty
    header[0] = segments - 1;
    feed(reader, std::as_bytes(std::span(header)));
    return reader.next().has_value();
  };
  EXPECT_TRUE(next(64));
  EXPECT_THROW(next(65), ProtocolError);

  FrameReader reader(1024);
  const uint32_t header[] = {0xffffffff, 0};
  feed(reader, std::as_bytes(std::span(header)));
  EXPECT_THROW(reader.next(), ProtocolError);
}

class Channels : public ::testing::Test {
 protected:
  Channels() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    left.emplace(Fd(ends[0]), kFrameBytesMax);
    right.emplace(Fd(ends[1]), kFrameBytesMax);
  }
  std::optional<Request> receive() {
    for (int i = 0; i < 1000; ++i) {
      if (const auto bytes = right->frames().next()) return decode_request(*bytes, right->frames());
      left->flush();
      if (!right->receive()) return std::nullopt;
    }
    return std::nullopt;
  }
  std::optional<Channel> left, right;
};

// A file that can be told from others by its first byte.
SharedFd marked_fd(char mark) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  EXPECT_EQ(::write(ends[1], &mark, 1), 1);
  ::close(ends[1]);
  return share(Fd(ends[0]));
}
char mark_of(const SharedFd& fd) {
  char mark = 0;
  return ::read(fd->get(), &mark, 1) == 1 ? mark : '?';
}

// As a stranger may.
void send_descriptors(int socket, size_t count) {
  const SharedFd fd = marked_fd('x');
  const std::vector<int> numbers(count, fd->get());
  std::vector<char> control(CMSG_SPACE(sizeof(int) * count));
  char byte = 0;
  iovec part{&byte, 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * count);
  std::memcpy(CMSG_DATA(header), numbers.data(), sizeof(int) * count);
  ASSERT_EQ(::sendmsg(socket, &message, MSG_NOSIGNAL), 1);
}

TEST_F(Channels, give_each_message_its_own_descriptors) {
  for (uint64_t i = 0; i < 20; ++i) {
    Request request{i + 1, GiveWakeFd{i}, {}};
    if (i % 3 == 1) request.fds = {marked_fd(static_cast<char>('a' + i))};
    left->queue(encode(request));
  }
  for (uint64_t i = 0; i < 20; ++i) {
    const auto request = receive();
    ASSERT_TRUE(request);
    EXPECT_EQ(request->id, i + 1);
    ASSERT_EQ(request->fds.size(), i % 3 == 1 ? 1u : 0u) << i;
    if (i % 3 == 1) {
      EXPECT_EQ(mark_of(request->fds[0]), static_cast<char>('a' + i));
      EXPECT_NE(::fcntl(request->fds[0]->get(), F_GETFD) & FD_CLOEXEC, 0);
    }
  }
}

TEST_F(Channels, take_4_descriptors_with_a_message_and_refuse_more) {
  Frame frame = node_request(1, "n");
  for (size_t i = 0; i < kFrameDescriptorsMax; ++i) frame.fds.push_back(marked_fd('x'));
  Frame one_more = frame;
  one_more.fds.push_back(marked_fd('x'));
  EXPECT_EQ(code_of([&] { left->queue(std::move(one_more)); }), Code::internal);
  left->queue(std::move(frame));
  EXPECT_TRUE(receive());
  send_descriptors(left->fd(), kFrameDescriptorsMax + 1);
  EXPECT_THROW(receive(), ProtocolError);
}

TEST_F(Channels, carry_messages_larger_than_the_sockets_buffer) {
  const auto bundle = std::make_shared<const std::vector<std::byte>>(3u << 20, std::byte{7});
  Advertise body{.end = 1, .node = 1, .topic = "t", .publisher_id = 9, .schema = {}, .history = 3};
  body.schema = SchemaInfo{std::string(64, 'a'), "t.capnp:T", bundle};
  left->queue(encode(Request{5, body, {marked_fd('x')}}));
  const auto request = receive();
  ASSERT_TRUE(request);
  const auto& got = std::get<Advertise>(request->body);
  EXPECT_EQ(*got.schema->bundle, *bundle);
  EXPECT_EQ(got.history, 3u);
  EXPECT_EQ(mark_of(request->fds.at(0)), 'x');
}

TEST_F(Channels, notice_the_other_side_going) {
  left->queue(node_request(1, "last words"));
  EXPECT_TRUE(left->flush());
  left.reset();
  bool alive = true;
  for (int i = 0; i < 3 && alive; ++i) alive = right->receive();
  EXPECT_FALSE(alive);
  EXPECT_TRUE(right->frames().next());  // what was said before is still heard
}

TEST_F(Channels, never_block_on_a_reader_that_does_not_read) {
  for (int i = 0; i < 20'000; ++i) left->queue(node_request(1, "to nobody"));
  EXPECT_TRUE(left->flush());
  EXPECT_TRUE(left->wants_write());
  EXPECT_GT(left->queued_bytes(), 0u);
}

}  // namespace
}  // namespace polybus::discovery

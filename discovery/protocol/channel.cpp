#include "discovery/protocol/channel.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <polybus/error.hpp>

namespace polybus::discovery {
namespace {

// Frames without descriptors go out together.
constexpr size_t kFramesPerSend = 32;

}  // namespace

Channel::Channel(Fd socket, size_t frame_bytes_max) : socket_(std::move(socket)), frames_(frame_bytes_max) {
  ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
}

bool Channel::receive(size_t bytes_max) {
  for (size_t total = 0; total < bytes_max;) {
    const auto space = frames_.space();
    iovec part{space.data(), space.size()};
    // Room for more than anybody may send, so that the kernel tells us instead of dropping some silently.
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 16)> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    std::vector<Fd> fds;
    for (cmsghdr* part_header = CMSG_FIRSTHDR(&message); part_header != nullptr;
         part_header = CMSG_NXTHDR(&message, part_header)) {
      if (part_header->cmsg_level != SOL_SOCKET || part_header->cmsg_type != SCM_RIGHTS) continue;
      const size_t count = (part_header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(part_header) + i * sizeof(int), sizeof fd);
        fds.emplace_back(fd);
      }
    }
    if (got == 0) return false;
    frames_.arrived(static_cast<size_t>(got));
    if (fds.size() > kFrameDescriptorsMax) throw ProtocolError("too many descriptors with one message");
    frames_.arrived(std::move(fds));
    total += static_cast<size_t>(got);
    if (static_cast<size_t>(got) < space.size() / 2) {
      // Usually all there was; asking again costs a call, so the poll loop does.
      return true;
    }
  }
  return true;
}

void Channel::queue(Frame frame) {
  if (frame.fds.size() > kFrameDescriptorsMax) throw Error(Code::internal, "too many descriptors for one message");
  queued_bytes_ += frame.bytes.size();
  outgoing_.push_back(std::move(frame));
}

// One sendmsg: the first frame with its descriptors, and those behind it that have none.
long Channel::send_some() {
  std::array<iovec, kFramesPerSend> parts;
  size_t count = 0;
  for (const Frame& frame : outgoing_) {
    if (count == parts.size() || (count != 0 && !frame.fds.empty())) break;
    const size_t skip = count == 0 ? sent_ : 0;
    parts[count++] = {const_cast<std::byte*>(frame.bytes.data()) + skip, frame.bytes.size() - skip};
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kFrameDescriptorsMax)> control{};
  const auto& fds = outgoing_.front().fds;
  if (sent_ == 0 && !fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    for (size_t i = 0; i < fds.size(); ++i) {
      const int fd = fds[i]->get();
      std::memcpy(CMSG_DATA(header) + i * sizeof(int), &fd, sizeof fd);
    }
  }
  return ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool Channel::flush() {
  stalled_ = false;
  while (!outgoing_.empty()) {
    const long sent = send_some();
    if (sent < 0) {
      if (errno == EINTR) continue;
      // Too many descriptors on their way to processes that do not read them; the socket still looks writable.
      if (errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM) {
        stalled_ = true;
        return true;
      }
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    auto left = static_cast<size_t>(sent);
    queued_bytes_ -= left;
    while (left != 0) {
      const size_t rest = outgoing_.front().bytes.size() - sent_;
      if (left < rest) {
        sent_ += left;
        break;
      }
      left -= rest;
      sent_ = 0;
      outgoing_.pop_front();
    }
  }
  return true;
}

}  // namespace polybus::discovery

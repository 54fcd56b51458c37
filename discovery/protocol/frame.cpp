#include "discovery/protocol/frame.hpp"

#include <algorithm>
#include <cstring>

namespace polybus::discovery {
namespace {

constexpr size_t kWord = 8;
constexpr size_t kReadBytes = 16u << 10;
constexpr size_t kKeptBytes = 64u << 10;  // of an empty buffer

uint32_t read_u32(const std::byte* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

std::span<std::byte> FrameReader::space() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > kKeptBytes) std::vector<std::byte>().swap(buffer_);
  } else if (begin_ > buffer_.size() / 2) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kReadBytes) buffer_.resize(std::max(buffer_.size() * 2, end_ + kReadBytes));
  return {buffer_.data() + end_, buffer_.size() - end_};
}

void FrameReader::arrived(size_t bytes) {
  last_arrival_ = position_ + (end_ - begin_);
  end_ += bytes;
}

void FrameReader::arrived(std::vector<Fd> fds) {
  if (fds.empty()) return;
  // What nobody claims within a few frames is a client's mistake, or worse.
  if (batches_.size() >= 64) throw ProtocolError("more descriptors than messages for them");
  batches_.push_back({last_arrival_, position_ + (end_ - begin_), std::move(fds)});
}

std::optional<std::span<const std::byte>> FrameReader::next() {
  const std::byte* at = buffer_.data() + begin_;
  const size_t there = end_ - begin_;
  if (there < kWord) return std::nullopt;
  const size_t segments = size_t{read_u32(at)} + 1;
  if (segments > kFrameSegmentsMax) throw ProtocolError("a message of more than 64 segments");
  const size_t header = (4 + 4 * segments + kWord - 1) / kWord * kWord;
  if (there < header) return std::nullopt;
  size_t bytes = header;
  for (size_t i = 0; i < segments; ++i) bytes += size_t{read_u32(at + 4 + 4 * i)} * kWord;
  if (bytes > frame_bytes_max_)
    throw ProtocolError("a message of " + std::to_string(bytes) + " bytes, more than " +
                        std::to_string(frame_bytes_max_));
  if (there < bytes) return std::nullopt;
  frame_position_ = position_;
  begin_ += bytes;
  position_ += bytes;
  return std::span<const std::byte>(at, bytes);
}

std::vector<SharedFd> FrameReader::take_fds(size_t count) {
  std::vector<SharedFd> taken;
  std::erase_if(batches_, [&](Batch& batch) {
    if (batch.end <= frame_position_) return true;  // belonged to a frame that did not want them
    if (batch.begin > frame_position_ || count == 0) return false;
    for (Fd& fd : batch.fds)
      if (taken.size() < count) taken.push_back(share(std::move(fd)));
    count = 0;
    return true;
  });
  return taken;
}

}  // namespace polybus::discovery

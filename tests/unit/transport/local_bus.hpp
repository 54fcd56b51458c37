// A bus without busd: the bookkeeping laid out by the test, publisher and subscriber ports in this process or its children.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bus/transport/layout.hpp"
#include "bus/transport/publisher_port.hpp"
#include "bus/transport/subscriber_port.hpp"

namespace polybus::bus::test {

class LocalBus {
 public:
  LocalBus() : window_(Window::reserve(16ull << 30)), book_fd_(::memfd_create("book", MFD_CLOEXEC)) {
    if (::ftruncate(book_fd_, 64 << 20) != 0) std::abort();
    window_->map(book_fd_, 0, 64 << 20, Access::read_write);
  }
  ~LocalBus() { ::close(book_fd_); }

  struct Publisher {
    std::unique_ptr<PublisherPort> port;
    std::shared_ptr<Extent> extent;  // as subscribers of this process share it
    PublisherBlock* block;
    uint64_t id;
  };
  struct Subscriber {
    std::unique_ptr<SubscriberPort> port;
    SubscriberBlock* block;
    uint32_t connections = 0;
    std::shared_ptr<std::vector<uint64_t>> closed = std::make_shared<std::vector<uint64_t>>();
  };

  Publisher publisher(uint32_t history = 0, uint64_t quota_bytes = 64 << 20) {
    Publisher made;
    made.id = next_id_++;
    made.block = construct_publisher_block(allocate(kPublisherBlockBytes), made.id, history);
    PublisherPlace place = new_place(made.block, quota_bytes);
    made.extent = place.extent;
    PublisherConfig config;
    config.topic = "test/topic";
    config.publisher_id = made.id;
    config.history = history;
    config.quota_bytes = quota_bytes;
    made.port = std::make_unique<PublisherPort>(config, std::move(place));
    return made;
  }

  PublisherPlace new_place(PublisherBlock* block, uint64_t quota_bytes) {
    const int fd = ::memfd_create("extent", MFD_CLOEXEC);
    PublisherPlace place;
    place.window = window_;
    place.extent = std::make_shared<Extent>(window_, next_id_++, fd, next_extent_, quota_bytes, Access::read_write,
                                            [this](uint64_t) { ++extents_unmapped; });
    next_extent_ += quota_bytes;
    place.extent_fd = fd;
    place.block = block;
    return place;
  }

  Subscriber subscriber(uint32_t queue_depth = 16, bool blocking = false) {
    Subscriber made;
    made.block = construct_subscriber_block(allocate(kSubscriberBlockBytes));
    SubscriberConfig config;
    config.topic = "test/topic";
    config.subscriber_id = next_id_++;
    config.queue_depth = queue_depth;
    config.blocking = blocking;
    made.port = std::make_unique<SubscriberPort>(config, SubscriberPlace{window_, made.block, nullptr, nullptr},
                                                 [closed = made.closed](uint64_t id) { closed->push_back(id); });
    return made;
  }

  // What busd does when it introduces the two; returns the connection's id.
  uint64_t connect(Publisher& publisher, Subscriber& subscriber, uint32_t history = 0) {
    const Prepared prepared = prepare(publisher, subscriber);
    attach_subscriber(publisher, subscriber, prepared);
    attach_publisher(publisher, subscriber, prepared, history);
    return prepared.id;
  }

  // What the client does when busd was restarted.
  void come_over(Publisher& publisher) {
    const PublisherConfig& config = publisher.port->config();
    publisher.block = construct_publisher_block(allocate(kPublisherBlockBytes), publisher.id, config.history);
    PublisherPlace place = new_place(publisher.block, config.quota_bytes);
    publisher.extent = place.extent;
    publisher.port->rebind(std::move(place));
  }
  void come_over(Subscriber& subscriber) {
    subscriber.block = construct_subscriber_block(allocate(kSubscriberBlockBytes));
    subscriber.connections = 0;
    subscriber.port->rebind({window_, subscriber.block, nullptr, nullptr});
  }

  struct Prepared {
    uint64_t id;
    ConnectionBlock* block;
    uint32_t ready_index;
  };
  Prepared prepare(Publisher&, Subscriber& subscriber) {
    const SubscriberConfig& config = subscriber.port->config();
    const uint32_t index = subscriber.connections++;
    return {next_id_++,
            construct_connection_block(allocate(kConnectionBlockBytes), config.queue_depth, index, config.blocking),
            index};
  }
  void attach_subscriber(Publisher& publisher, Subscriber& subscriber, const Prepared& prepared) {
    ConnectSpec spec;
    spec.connection_id = prepared.id;
    spec.connection = prepared.block;
    spec.ready_index = prepared.ready_index;
    spec.extent = publisher.extent;
    spec.peer.publisher_id = publisher.id;
    spec.peer.pid = static_cast<uint32_t>(::getpid());
    subscriber.port->connect(std::move(spec));
  }
  void attach_publisher(Publisher& publisher, Subscriber& subscriber, const Prepared& prepared, uint32_t history) {
    AttachSpec spec;
    spec.connection_id = prepared.id;
    spec.connection = prepared.block;
    spec.subscriber = subscriber.block;
    spec.history = history;
    spec.peer_node = "listener";
    spec.peer_pid = static_cast<uint32_t>(::getpid());
    publisher.port->attach(std::move(spec));
  }

  void* allocate(uint64_t bytes) {
    void* memory = window_->at(next_block_);
    next_block_ += (bytes + 4095) / 4096 * 4096;
    return memory;
  }
  // Blocks allocated from here on lie where those since mark_blocks() did: for tests of many rounds.
  void mark_blocks() { marked_block_ = next_block_; }
  void reuse_blocks() { next_block_ = marked_block_; }
  const std::shared_ptr<Window>& window() const { return window_; }

  std::atomic<int> extents_unmapped{0};

 private:
  std::shared_ptr<Window> window_;
  int book_fd_;
  uint64_t next_block_ = 4096;
  uint64_t marked_block_ = 4096;
  uint64_t next_extent_ = kBookBytesMax;
  uint64_t next_id_ = 1;
};

inline uint64_t send(PublisherPort& port, std::string_view text, std::chrono::milliseconds timeout = {}) {
  Loan loan = port.loan(text.size());
  std::memcpy(loan.data(), text.data(), text.size());
  return port.send(loan, text.size(), timeout);
}

inline std::string text_of(const Sample& sample) {
  return sample ? std::string(reinterpret_cast<const char*>(sample->payload()), sample->payload_bytes()) : "(nothing)";
}

}  // namespace polybus::bus::test

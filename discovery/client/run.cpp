#include "discovery/client/run.hpp"

#include <polybus/error.hpp>

#include "discovery/client/fork.hpp"
#include "discovery/protocol/codec.hpp"

namespace polybus::discovery {

std::shared_ptr<Run> Run::make(Channel channel, Joined joined, std::shared_ptr<bus::Window> window,
                               std::shared_ptr<bus::StatFile> stat) {
  std::shared_ptr<Run> run(new Run(std::move(channel), std::move(joined), std::move(window), std::move(stat)));
  // Messages, and with them extents, may outlive the run.
  run->extents = std::make_shared<Extents>([weak = std::weak_ptr<Run>(run)](const ExtentUnmapped& news) {
    if (const auto self = weak.lock()) self->send({0, news, {}});
  });
  return run;
}

Run::Run(Channel channel, Joined is_joined, std::shared_ptr<bus::Window> where, std::shared_ptr<bus::StatFile> counters)
    : joined(std::move(is_joined)), window(std::move(where)), stat(std::move(counters)), channel_(std::move(channel)) {
  note_socket(channel_.fd());
}

void* Run::address_in_book(uint64_t offset) const {
  if (offset == 0 || offset >= bus::kBookBytesMax) throw Error(Code::internal, "busd named a block that cannot be");
  return window->at(offset);
}

void Run::send(const Request& request) {
  Frame frame = encode(request);
  bool leftover = false;
  {
    std::lock_guard lock(send_mutex_);
    if (over_) return;
    const bool waiting = channel_.wants_write();
    channel_.queue(std::move(frame));
    if (waiting) return;  // the event thread is on it
    channel_.flush();     // that the other side is gone the event thread finds out by itself
    leftover = channel_.wants_write();
  }
  if (leftover && on_leftover) on_leftover();
}

bool Run::flush() {
  std::lock_guard lock(send_mutex_);
  if (over_) return false;
  channel_.flush();
  return channel_.wants_write();
}

void Run::end() {
  std::lock_guard lock(send_mutex_);
  if (std::exchange(over_, true)) return;
  forget_socket(channel_.fd());
  channel_.close();
}

}  // namespace polybus::discovery

// One end of the socket between busd and a process: frames in, frames out, never blocking.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "discovery/protocol/frame.hpp"

namespace polybus::discovery {

// Receiving and sending share nothing but the socket, so one thread may receive while others, under a lock of theirs, send.
class Channel {
 public:
  // `socket` is made non-blocking.
  Channel(Fd socket, size_t frame_bytes_max);

  int fd() const noexcept { return socket_.get(); }
  FrameReader& frames() noexcept { return frames_; }

  // Reads what is there, up to about `bytes_max`. False: the other side is gone; frames may still be there to read.
  // Throws ProtocolError.
  bool receive(size_t bytes_max = 256u << 10);

  // Queues; flush() sends as much as the socket takes. False: the other side is gone. INTERNAL: more than
  // kFrameDescriptorsMax descriptors.
  void queue(Frame frame);
  bool flush();
  bool wants_write() const noexcept { return !outgoing_.empty(); }
  size_t queued_bytes() const noexcept { return queued_bytes_; }
  // The socket would take bytes but the system has too many descriptors on their way: try again a little later.
  bool stalled() const noexcept { return stalled_; }

  void close() noexcept { socket_.reset(); }

 private:
  long send_some();

  Fd socket_;
  FrameReader frames_;
  std::deque<Frame> outgoing_;
  size_t sent_ = 0;  // of the first one
  size_t queued_bytes_ = 0;
  bool stalled_ = false;
};

}  // namespace polybus::discovery

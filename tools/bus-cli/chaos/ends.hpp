// A worker's ends: what it publishes and what it takes, with the checks.
#pragma once

#include <cstdint>
#include <deque>
#include <polybus/polybus.hpp>
#include <random>
#include <string>
#include <vector>

#include "tools/bus-cli/chaos/board.hpp"
#include "tools/bus-cli/chaos/checker.hpp"

namespace polybus::cli::chaos {

// Where an end writes its figures and what is wrong.
class Notebook {
 public:
  explicit Notebook(Slot& slot) : slot_(slot) {}
  const Orders& orders() const noexcept { return slot_.orders; }
  Deeds& deeds() noexcept { return slot_.deeds; }
  // The first one is kept.
  void complain(const std::string& what);

 private:
  Slot& slot_;
};

class Sender {
 public:
  // Throws what Node::publisher throws.
  Sender(Node& node, size_t topic, Notebook& notes);
  // False: a subscriber that asked to block has no room.
  bool send(std::mt19937_64& random);
  void count_peers();
  // Whether not one chunk is in use.
  bool has_all_memory();
  size_t topic() const noexcept { return topic_; }

 private:
  size_t message_bytes(std::mt19937_64& random) const;
  uint64_t publish(size_t bytes, bool in_place);

  size_t topic_;
  Notebook& notes_;
  Publisher<Bytes> publisher_;
  uint64_t number_ = 0;  // of the last one
  std::vector<std::byte> buffer_;
};

class Receiver {
 public:
  // Throws what Node::subscriber throws.
  Receiver(Node& node, size_t topic, Notebook& notes);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // Takes and checks at most so many; returns how many.
  size_t take(size_t most);
  bool wait(Timeout timeout) { return subscriber_.wait(timeout); }
  void count_peers();
  // Lets go of the samples it keeps, each as it was when it came.
  void let_go();
  size_t topic() const noexcept { return topic_; }

 private:
  struct Held {
    Sample<Dynamic> sample;
    uint64_t sequence;
  };
  void check(uint64_t publisher_id, uint64_t sequence, std::span<const std::byte> bytes);
  void check_next(const SampleInfo& info, std::span<const std::byte> bytes);
  bool is_sabotaged(const Sample<Dynamic>& sample);
  void release_oldest();

  size_t topic_;
  Notebook& notes_;
  Subscriber<Dynamic> subscriber_;
  Checker checker_;
  std::deque<Held> held_;
  std::vector<Sample<Dynamic>> forgotten_;  // by sabotage
  uint64_t taken_ = 0;
  const uint64_t lost_before_;  // by earlier ends of this process on the topic
};

}  // namespace polybus::cli::chaos

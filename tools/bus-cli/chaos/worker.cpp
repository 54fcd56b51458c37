#include "tools/bus-cli/chaos/worker.hpp"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "tools/bus-cli/chaos/ends.hpp"

namespace polybus::cli::chaos {
namespace {

using namespace std::chrono_literals;

constexpr size_t kTakesPerTurn = 64;

class Worker {
 public:
  Worker(const Board& board, size_t slot) : board_(board), notes_(board.slot(slot)), random_(notes_.orders().seed) {}

  void run() {
    join();
    open_all();
    while (phase_of(board_.word()) != Phase::leave) {
      turn();
      deeds().turns.fetch_add(1, std::memory_order_relaxed);
    }
    step(Step::closing);
    receivers_.clear();
    senders_.clear();
    node_.reset();
  }

 private:
  Deeds& deeds() { return notes_.deeds(); }
  const Orders& orders() { return notes_.orders(); }
  void step(Step step) { deeds().step = static_cast<uint64_t>(step); }

  // busd may be dead or stopped just then; everything else is an error.
  template <typename F>
  void insist(F&& open) {
    for (;;) {
      try {
        return open();
      } catch (const Error& error) {
        if (error.code() != Code::no_bus && error.code() != Code::disconnected && error.code() != Code::timeout) throw;
        deeds().refusals.fetch_add(1, std::memory_order_relaxed);
        deeds().turns.fetch_add(1, std::memory_order_relaxed);
        std::this_thread::sleep_for(2ms);
      }
    }
  }

  void join() {
    step(Step::joining);
    insist([this] { node_.emplace("chaos-" + std::to_string(orders().life)); });
  }

  void open_all() {
    step(Step::opening);
    for (size_t topic = 0; topic < kTopics; ++topic) {
      if ((orders().subscribes >> topic & 1) != 0)
        insist([&] { receivers_.push_back(std::make_unique<Receiver>(*node_, topic, notes_)); });
      if ((orders().publishes >> topic & 1) != 0)
        insist([&] { senders_.push_back(std::make_unique<Sender>(*node_, topic, notes_)); });
    }
    step(Step::ready);
  }

  void turn() {
    const uint64_t word = board_.word();
    const Phase phase = phase_of(word);
    bool done = true;
    switch (phase) {
      case Phase::storm: storm(); break;
      case Phase::burst: done = once(word, orders().newcomer == 0 ? kBurst : 0); break;
      case Phase::last: done = once(word, orders().newcomer != 0 ? 1 : 0); break;
      case Phase::room: look_for_room(); break;
      case Phase::drain: done = receive() == 0; break;
      case Phase::quiet:
      case Phase::leave: break;
    }
    if (phase != Phase::storm) rest();
    count_peers();
    if (done) deeds().done = word;
  }

  void storm() {
    for (auto& sender : senders_)
      for (uint64_t left = 1 + random_() % 32; left != 0 && sender->send(random_); --left) {
      }
    if (!receivers_.empty() && receive() == 0) receivers_[random_() % receivers_.size()]->wait(5ms);
    if (orders().reopen != 0 && random_() % 8 == 0) reopen_one();
    if (!senders_.empty() && orders().pause_us != 0)
      std::this_thread::sleep_for(std::chrono::microseconds(random_() % (2 * orders().pause_us)));
  }

  size_t receive() {
    size_t count = 0;
    for (auto& receiver : receivers_) count += receiver->take(kTakesPerTurn);
    return count;
  }

  // Takes what there is, and waits if that is nothing.
  void rest() {
    if (receive() != 0) return;
    if (receivers_.empty())
      std::this_thread::sleep_for(1ms);
    else
      receivers_.front()->wait(1ms);
  }

  // Publishes so many messages on each topic, once in this phase. False: not all yet, for want of room.
  bool once(uint64_t word, uint64_t messages) {
    if (burst_word_ != word) {
      burst_word_ = word;
      burst_left_.assign(senders_.size(), messages);
    }
    bool done = true;
    for (size_t i = 0; i < senders_.size(); ++i) {
      while (burst_left_[i] != 0 && senders_[i]->send(random_)) --burst_left_[i];
      done = done && burst_left_[i] == 0;
    }
    return done;
  }

  void look_for_room() {
    for (auto& receiver : receivers_) receiver->let_go();
    for (auto& sender : senders_)
      if (sender->topic() == 0) deeds().room = sender->has_all_memory() ? 1 : 0;
  }

  void reopen_one() {
    const size_t ends = senders_.size() + receivers_.size(), chosen = random_() % ends;
    step(Step::opening);
    if (chosen < senders_.size()) {
      auto& sender = senders_[chosen];
      const size_t topic = sender->topic();
      sender.reset();
      insist([&] { sender = std::make_unique<Sender>(*node_, topic, notes_); });
    } else {
      auto& receiver = receivers_[chosen - senders_.size()];
      const size_t topic = receiver->topic();
      receiver.reset();
      insist([&] { receiver = std::make_unique<Receiver>(*node_, topic, notes_); });
    }
    step(Step::ready);
  }

  void count_peers() {
    for (auto& sender : senders_) sender->count_peers();
    for (auto& receiver : receivers_) receiver->count_peers();
  }

  const Board& board_;
  Notebook notes_;
  std::mt19937_64 random_;
  std::optional<Node> node_;
  std::vector<std::unique_ptr<Sender>> senders_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
  uint64_t burst_word_ = 0;
  std::vector<uint64_t> burst_left_;
};

}  // namespace

int run_worker(const Board& board, size_t slot) {
  board.slot(slot).deeds.pid = static_cast<uint64_t>(::getpid());
  try {
    Worker(board, slot).run();
    return 0;
  } catch (const std::exception& error) {
    Notebook(board.slot(slot)).complain(std::string("error: ") + error.what());
    return 1;
  }
}

}  // namespace polybus::cli::chaos

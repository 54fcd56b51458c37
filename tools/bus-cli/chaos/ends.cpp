#include "tools/bus-cli/chaos/ends.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "tools/bus-cli/chaos/message.hpp"
#include "tools/bus-cli/chaos/sabotage.hpp"

namespace polybus::cli::chaos {
namespace {

using namespace std::chrono_literals;

PublisherOptions publisher_options(size_t topic) {
  PublisherOptions options;
  if (topic == 0) options.quota = kPlainQuotaBytes;
  if (topic == kKeptTopic) options.history = kKeptValues;
  if (topic == kBlockedTopic) options.timeout = 20ms;
  return options;
}

SubscriberOptions subscriber_options(size_t topic, const Orders& orders) {
  SubscriberOptions options;
  options.queue = static_cast<uint32_t>(orders.queue);
  if (topic == kBlockedTopic) options.overflow = Overflow::block;
  return options;
}

}  // namespace

void Notebook::complain(const std::string& what) {
  char(&text)[sizeof Deeds::complaint] = deeds().complaint;
  if (text[0] != '\0') return;
  const size_t length = std::min(what.size(), sizeof text - 1);
  std::memcpy(text + 1, what.data() + 1, length - 1);
  text[0] = what[0];
}

// ---- Sender ----------------------------------------------------------------------------------------------------------

Sender::Sender(Node& node, size_t topic, Notebook& notes)
    : topic_(topic), notes_(notes), publisher_(node.publisher(kTopicNames[topic], publisher_options(topic))) {}

// Mostly small ones; some need more memory than the publisher has so far.
size_t Sender::message_bytes(std::mt19937_64& random) const {
  const uint64_t most = topic_ == kGrownTopic && random() % 16 == 0 ? notes_.orders().bytes_max : 2048;
  return kMessageBytesMin + random() % (most / 8) * 8;
}

uint64_t Sender::publish(size_t bytes, bool in_place) {
  if (in_place) {
    Draft<Bytes> draft = publisher_.loan(bytes);
    write_message(draft.data().first(bytes), notes_.orders().life, number_ + 1);
    return draft.publish(bytes);
  }
  buffer_.resize(bytes);
  write_message(buffer_, notes_.orders().life, number_ + 1);
  return publisher_.publish_bytes(buffer_);
}

bool Sender::send(std::mt19937_64& random) {
  try {
    const uint64_t number = publish(message_bytes(random), random() % 2 == 0);
    if (number != number_ + 1)
      notes_.complain("order: published as message " + std::to_string(number) + ", which is the " +
                      std::to_string(number_ + 1) + "th");
    number_ = number;
  } catch (const Error& error) {
    if (error.code() == Code::timeout && topic_ == kBlockedTopic) return false;
    throw;
  }
  notes_.deeds().published[topic_].fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Sender::count_peers() { notes_.deeds().subscribers[topic_] = publisher_.stats().subscribers; }

bool Sender::has_all_memory() { return publisher_.try_loan(kWholeLoanBytes).has_value(); }

// ---- Receiver --------------------------------------------------------------------------------------------------------

Receiver::Receiver(Node& node, size_t topic, Notebook& notes)
    : topic_(topic),
      notes_(notes),
      subscriber_(node.subscriber(kTopicNames[topic], subscriber_options(topic, notes.orders()))),
      lost_before_(notes.deeds().lost[topic]) {}

Receiver::~Receiver() { let_go(); }

size_t Receiver::take(size_t most) {
  size_t count = 0;
  for (; count < most; ++count) {
    auto sample = subscriber_.take();
    if (!sample) break;
    ++taken_;
    if (is_sabotaged(*sample)) continue;
    notes_.deeds().received[topic_].fetch_add(1, std::memory_order_relaxed);
    const SampleInfo info = sample->info();
    check(info.publisher_id, info.seq, sample->data());
    if (notes_.orders().hold == 0) continue;
    if (held_.size() >= notes_.orders().hold) release_oldest();
    held_.push_back({std::move(*sample), info.seq});
  }
  const uint64_t lost = subscriber_.lost();
  if (const std::string wrong = checker_.check_lost(lost); !wrong.empty()) notes_.complain(wrong);
  notes_.deeds().lost[topic_] = lost_before_ + lost;
  return count;
}

void Receiver::check(uint64_t publisher_id, uint64_t sequence, std::span<const std::byte> bytes) {
  if (const std::string wrong = checker_.check(publisher_id, sequence, bytes); !wrong.empty()) notes_.complain(wrong);
}

void Receiver::check_next(const SampleInfo& info, std::span<const std::byte> bytes) {
  std::vector<std::byte> next(kMessageBytesMin);
  uint64_t life = 0;
  std::memcpy(&life, bytes.data() + sizeof(uint64_t), sizeof life);
  write_message(next, life, info.seq + 1);
  check(info.publisher_id, info.seq + 1, next);
}

// True: the message is gone.
bool Receiver::is_sabotaged(const Sample<Dynamic>& sample) {
  const auto what = static_cast<Sabotage>(notes_.orders().sabotage);
  if (what == Sabotage::none || taken_ < kSabotageAfter) return false;
  const SampleInfo info = sample.info();
  switch (what) {
    case Sabotage::corrupt: {
      std::vector<std::byte> copy(sample.data().begin(), sample.data().end());
      copy.back() ^= std::byte{1};
      check(info.publisher_id, info.seq, copy);
      return false;
    }
    case Sabotage::reorder:  // the next one of this publisher comes first
      check_next(info, sample.data());
      return false;
    case Sabotage::lose: return true;
    case Sabotage::hang: ::pause(); return false;
    case Sabotage::fds: {
      [[maybe_unused]] const int forgotten = taken_ % 16 == 0 ? ::open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
      return false;
    }
    case Sabotage::hold:
      if (taken_ == kSabotageAfter) forgotten_.push_back(sample);
      return false;
    case Sabotage::exit: ::_exit(3);
    case Sabotage::none: break;
  }
  return false;
}

void Receiver::count_peers() { notes_.deeds().publishers[topic_] = subscriber_.stats().publishers; }

void Receiver::release_oldest() {
  const Held& oldest = held_.front();
  if (!is_message(oldest.sample.data(), oldest.sequence))
    notes_.complain("wrong: message " + std::to_string(oldest.sequence) + " changed while it was held");
  held_.pop_front();
}

void Receiver::let_go() {
  while (!held_.empty()) release_oldest();
}

}  // namespace polybus::cli::chaos

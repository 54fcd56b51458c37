#include "tools/bus-cli/chaos/checker.hpp"

#include "tools/bus-cli/chaos/message.hpp"

namespace polybus::cli::chaos {
namespace {

constexpr size_t kPublishersMax = 1024;  // far more than live at once; those of long ago are never heard again

std::string name_of(uint64_t publisher_id, uint64_t sequence) {
  return "message " + std::to_string(sequence) + " of publisher " + std::to_string(publisher_id);
}

}  // namespace

std::string Checker::check(uint64_t publisher_id, uint64_t sequence, std::span<const std::byte> bytes) {
  if (!is_message(bytes, sequence))
    return "wrong: " + name_of(publisher_id, sequence) + ", " + std::to_string(bytes.size()) +
           " bytes, is not what was published";
  const auto [entry, is_new] = newest_.try_emplace(publisher_id, sequence);
  if (is_new) {
    met_.push_back(publisher_id);
    forget_oldest();
    return "";
  }
  const uint64_t before = entry->second;
  if (sequence <= before)
    return "order: " + name_of(publisher_id, sequence) + " came after its message " + std::to_string(before);
  missing_ += sequence - before - 1;
  entry->second = sequence;
  return "";
}

std::string Checker::check_lost(uint64_t lost) const {
  if (missing_ <= lost) return "";
  return "loss: " + std::to_string(missing_) + " messages are missing, " + std::to_string(lost) + " were counted";
}

void Checker::forget_oldest() {
  if (met_.size() <= kPublishersMax) return;
  newest_.erase(met_.front());
  met_.pop_front();
}

}  // namespace polybus::cli::chaos

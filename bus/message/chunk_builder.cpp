#include "bus/message/chunk_builder.hpp"

#include <capnp/any.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

namespace polybus::bus {
namespace {

using capnp::word;

// Up to here a message is expected to lie in one segment; a larger one is probably one large object behind a small root,
// and zeroing as much as it has room for would cost more than all the rest.
constexpr size_t kOneSegmentBytes = 64u << 10;
constexpr size_t kSmallFirstWords = 512;
constexpr size_t kSlackWords = 32;  // table, root pointer and a root struct of usual size
constexpr size_t kGrowthWordsMin = 512;
constexpr size_t kSegmentWordsMax = (size_t{1} << 29) - 1;  // Cap'n Proto's own bound

size_t words_for(size_t bytes) { return bytes / sizeof(word) + (bytes % sizeof(word) != 0 ? 1 : 0); }

void zero(word* begin, size_t words) { std::memset(static_cast<void*>(begin), 0, words * sizeof(word)); }

// Entry 0 of a segment table is the number of segments less one, the others are their sizes; 32 bits each.
void put_entry(word* table, size_t index, size_t value) {
  auto entry = static_cast<uint32_t>(value);
  std::memcpy(reinterpret_cast<std::byte*>(table) + index * sizeof entry, &entry, sizeof entry);
}

std::span<std::byte> as_bytes(word* begin, size_t words) {
  return {reinterpret_cast<std::byte*>(begin), words * sizeof(word)};
}

}  // namespace

size_t ChunkBuilder::bytes_for(size_t size_hint) noexcept {
  size_t words = words_for(size_hint) + kSlackWords;
  if (size_hint > kOneSegmentBytes) words += kSmallFirstWords + kGapWords;
  return std::min(words, SIZE_MAX / sizeof(word)) * sizeof(word);  // a hint beyond all memory stays beyond it
}

ChunkBuilder::ChunkBuilder(std::span<std::byte> memory, size_t size_hint)
    : memory_(reinterpret_cast<word*>(memory.data()), memory.size() / sizeof(word)) {
  assert(reinterpret_cast<uintptr_t>(memory.data()) % sizeof(word) == 0);
  size_t wanted =
      size_hint == 0 || size_hint > kOneSegmentBytes ? kSmallFirstWords : bytes_for(size_hint) / sizeof(word);
  first_words_ = memory_.size() < 2 ? 0 : std::min(wanted, memory_.size()) - 1;
}

kj::ArrayPtr<word> ChunkBuilder::allocateSegment(unsigned words_min) {
  kj::ArrayPtr<word> segment;
  bool is_first = in_place_count_ == 0 && heap_.empty();
  if (is_first && words_min <= first_words_) {
    segment = take_first();
  } else {
    segment = take(words_min);
  }
  total_words_ += segment.size();
  return segment;
}

kj::ArrayPtr<word> ChunkBuilder::take_first() {
  used_words_ = 1 + first_words_;
  in_place_[in_place_count_++] = first_words_;
  auto segment = memory_.slice(1, used_words_);
  zero(segment.begin(), segment.size());
  return segment;
}

kj::ArrayPtr<word> ChunkBuilder::take(size_t words_min) {
  // Growing by what is there already keeps segments few however large the message gets.
  size_t wanted = overwrite_ ? words_min : std::max({words_min, total_words_, kGrowthWordsMin});
  wanted = std::min(wanted, std::max(words_min, kSegmentWordsMax));

  size_t begin = used_words_ + (in_place_count_ == 1 ? kGapWords : 0);
  bool in_place = heap_.empty() && in_place_count_ > 0 && in_place_count_ < kSegmentsInPlaceMax &&
                  begin < memory_.size() && words_min <= memory_.size() - begin;
  if (in_place) {
    size_t words = std::min(wanted, memory_.size() - begin);
    used_words_ = begin + words;
    in_place_[in_place_count_++] = words;
    auto segment = memory_.slice(begin, used_words_);
    if (!overwrite_) zero(segment.begin(), words);
    return segment;
  }
  heap_.emplace_back(static_cast<word*>(std::calloc(wanted, sizeof(word))), &std::free);
  if (heap_.back() == nullptr) throw std::bad_alloc();
  return kj::arrayPtr(heap_.back().get(), wanted);
}

std::span<std::byte> ChunkBuilder::finish() {
  (void)getRoot<capnp::AnyPointer>();  // a message nobody wrote to has a (null) root too
  resume();
  if (!heap_.empty()) return {};
  word* begin = memory_.begin();
  if (in_place_count_ > 1) return as_bytes(begin, finish_grown());
  size_t size = getSegmentsForOutput()[0].size();
  put_entry(begin, 0, 0);
  put_entry(begin, 1, size);
  return as_bytes(begin, 1 + size);
}

// Returns the frame's words.
size_t ChunkBuilder::finish_grown() {
  word* begin = memory_.begin();
  shift_words_ = in_place_count_ / 2;
  word* first = begin + 1 + shift_words_;
  std::memmove(static_cast<void*>(first), begin + 1, first_words_ * sizeof(word));
  zero(first + first_words_, kGapWords - shift_words_);

  auto last = getSegmentsForOutput().back();
  put_entry(begin, 0, in_place_count_ - 1);
  put_entry(begin, 1, first_words_ + kGapWords - shift_words_);
  for (size_t i = 1; i + 1 < in_place_count_; ++i) put_entry(begin, 1 + i, in_place_[i]);
  put_entry(begin, in_place_count_, last.size());
  if (in_place_count_ % 2 == 0) put_entry(begin, in_place_count_ + 1, 0);
  return static_cast<size_t>(last.end() - begin);
}

void ChunkBuilder::resume() noexcept {
  if (shift_words_ == 0) return;
  word* begin = memory_.begin();
  std::memmove(static_cast<void*>(begin + 1), begin + 1 + shift_words_, first_words_ * sizeof(word));
  shift_words_ = 0;
}

size_t ChunkBuilder::frame_bytes() {
  (void)getRoot<capnp::AnyPointer>();
  auto segments = getSegmentsForOutput();
  size_t words = segments.size() / 2 + 1;
  for (const auto& segment : segments) words += segment.size();
  return words * sizeof(word);
}

std::span<std::byte> ChunkBuilder::finish_into(std::span<std::byte> memory) {
  resume();
  assert(memory.size() >= frame_bytes());
  auto segments = getSegmentsForOutput();
  auto* begin = reinterpret_cast<word*>(memory.data());
  put_entry(begin, 0, segments.size() - 1);
  for (size_t i = 0; i < segments.size(); ++i) put_entry(begin, 1 + i, segments[i].size());
  if (segments.size() % 2 == 0) put_entry(begin, segments.size() + 1, 0);
  word* next = begin + segments.size() / 2 + 1;
  for (const auto& segment : segments) {
    std::memcpy(static_cast<void*>(next), segment.begin(), segment.size() * sizeof(word));
    next += segment.size();
  }
  return as_bytes(begin, static_cast<size_t>(next - begin));
}

}  // namespace polybus::bus

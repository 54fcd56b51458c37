#include "bus/message/frame.hpp"

#include <capnp/any.h>

#include <cstring>
#include <string>

#include "bus/message/kj_errors.hpp"

namespace polybus::bus {
namespace {

using capnp::word;

capnp::ReaderOptions limited_to(uint64_t traversal_limit_words) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = traversal_limit_words;
  return options;
}

std::string bytes_text(uint64_t words) { return std::to_string(words * sizeof(word)); }

}  // namespace

Frame::Frame(std::span<const std::byte> bytes, Code code, uint64_t traversal_limit_words)
    : capnp::MessageReader(limited_to(traversal_limit_words)), code_(code) {
  adopt(bytes);
  check_sizes();
  check_root();
}

void Frame::adopt(std::span<const std::byte> bytes) {
  if (bytes.size() < 2 * sizeof(word) || bytes.size() % sizeof(word) != 0) {
    throw Error(code_, "not a Cap'n Proto message in stream framing: " + std::to_string(bytes.size()) +
                           " bytes, where a multiple of 8 and at least 16 is expected");
  }
  size_t count = bytes.size() / sizeof(word);
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(uint64_t) == 0) {
    words_ = kj::arrayPtr(reinterpret_cast<const word*>(bytes.data()), count);
  } else {
    aligned_copy_ = kj::heapArray<word>(count);
    std::memcpy(static_cast<void*>(aligned_copy_.begin()), bytes.data(), bytes.size());
    words_ = aligned_copy_;
  }
}

void Frame::check_sizes() {
  // As 64 bits: the count of a message that is none may be 2^32 − 1.
  uint64_t segments = uint64_t{table_entry(0)} + 1;
  if (segments > kSegmentsMax) {
    throw Error(code_, "not a Cap'n Proto message in stream framing: its table names " + std::to_string(segments) +
                           " segments, at most " + std::to_string(kSegmentsMax) + " are accepted");
  }
  uint64_t needed = table_words();
  if (needed <= words_.size()) {
    for (uint32_t i = 0; i < segments; ++i) needed += table_entry(1 + i);
  }
  if (needed > words_.size()) {
    throw Error(code_, "message is cut off: its segment table needs " + bytes_text(needed) + " bytes, there are " +
                           bytes_text(words_.size()));
  }
  if (needed < words_.size()) {
    throw Error(code_, "message is followed by " + bytes_text(words_.size() - needed) +
                           " bytes that do not belong to it: its segment table ends after " + bytes_text(needed));
  }
  if (table_entry(1) == 0) throw Error(code_, "message has an empty first segment: there is no root pointer");
}

void Frame::check_root() {
  auto type = translate_kj(code_, "message has a broken root pointer: ", [&] {
    auto root = getRoot<capnp::AnyPointer>();
    if (root.isStruct()) (void)root.getAs<capnp::AnyStruct>();
    return root.getPointerType();
  });
  if (type != capnp::PointerType::STRUCT && type != capnp::PointerType::NULL_) {
    throw Error(code_, std::string("message has a ") + (type == capnp::PointerType::LIST ? "list" : "capability") +
                           " at its root where a struct is expected");
  }
}

uint32_t Frame::table_entry(size_t index) const noexcept {
  uint32_t entry;  // x86-64: the bytes are little-endian, and so are we
  std::memcpy(&entry, reinterpret_cast<const std::byte*>(words_.begin()) + index * sizeof entry, sizeof entry);
  return entry;
}

kj::ArrayPtr<const word> Frame::getSegment(unsigned id) {
  if (id >= segment_count()) return nullptr;
  size_t begin = table_words();
  for (uint32_t i = 0; i < id; ++i) begin += table_entry(1 + i);
  size_t end = begin + table_entry(1 + id);
  return end <= words_.size() ? words_.slice(begin, end) : nullptr;  // again, should the bytes have changed since
}

capnp::_::StructReader root_reader(Frame& frame) {
  auto root = frame.getRoot<capnp::AnyPointer>();
  return capnp::_::PointerHelpers<capnp::AnyPointer>::getInternalReader(root).getStruct(nullptr);
}

void check_frame(std::span<const std::byte> bytes) { Frame frame(bytes); }

}  // namespace polybus::bus

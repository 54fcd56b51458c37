// What hostile_test.cpp reads: whole messages and schemas, damaged, where reading on is a fault of the processor.
#pragma once

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "bus/message/json.hpp"
#include "tests/unit/message/fixtures.hpp"

namespace polybus::test {

// POLYBUS_FUZZ_FACTOR=100: a hundred times as many.
inline int rounds(int usual) {
  const char* factor = std::getenv("POLYBUS_FUZZ_FACTOR");
  return usual * (factor != nullptr ? std::atoi(factor) : 1);
}

// Memory whose end is the end of what may be read.
class GuardedMemory {
 public:
  GuardedMemory() {
    void* memory = ::mmap(nullptr, kBytes + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    base_ = static_cast<std::byte*>(memory);
    ::mprotect(base_ + kBytes, kPage, PROT_NONE);
  }
  ~GuardedMemory() { ::munmap(base_, kBytes + kPage); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  std::span<const std::byte> place(const std::string& bytes) {
    std::byte* begin = base_ + kBytes - bytes.size();
    std::memcpy(begin, bytes.data(), bytes.size());
    return {begin, bytes.size()};
  }

 private:
  static constexpr size_t kBytes = 1 << 16, kPage = 4096;
  std::byte* base_;
};

// One to four bytes changed, now and then the end cut off.
class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  std::string operator()(std::string bytes) {
    for (uint32_t left = 1 + below(4); left > 0; --left) {
      char& byte = bytes[below(bytes.size())];
      switch (below(3)) {
        case 0: byte = static_cast<char>(byte ^ 1 << below(8)); break;
        case 1: byte = static_cast<char>(random_()); break;
        default: byte = '\xff'; break;
      }
    }
    if (below(8) == 0) bytes.resize(below(bytes.size() / 8 + 1) * 8);
    return bytes;
  }
  uint32_t below(size_t bound) { return static_cast<uint32_t>(random_() % bound); }

 private:
  std::mt19937 random_;
};

inline std::string as_string(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What is damaged: a type and whole messages of it.
struct Subject {
  Schema schema;
  std::vector<std::string> frames;

  const std::string& any(Mutator& chance) const { return frames[chance.below(frames.size())]; }
};

inline constexpr std::string_view kZooJson =
    R"({"i64":"-4","name":"kea","title":"untitled","raw":"/w==","origin":{"x":1,"y":2},"path":[{"x":0,"y":0},{"x":1}],)"
    R"("bits":[true,false,true],"matrix":[[1],[],[2,3]],"names":["a","bc"],"colors":["red"],"voids":[null],)"
    R"("empties":[{},{}],"pose":{"heading":1,"at":{"x":3}},"area":{"width":5},"boxed":{"value":"in","label":"out"},)"
    R"("boxes":[{"value":[1,2]},{"label":"l"}],"child":{"note":"inner","child":{"names":["x"]}},"blobs":["AA==",""]})";

inline std::string zoo_frame() {
  capnp::MallocMessageBuilder message(20, capnp::AllocationStrategy::FIXED_SIZE);  // several segments, far pointers
  bus::from_json(zoo(), kZooJson, message);
  return as_string(as_span(capnp::messageToFlatArray(message)));
}

// Each a 32-bit size and so many bytes, as tests/hostile/conftest.py writes them.
inline std::vector<std::string> frames_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::string> found;
  for (uint32_t size = 0; file.read(reinterpret_cast<char*>(&size), sizeof size);) {
    file.read(found.emplace_back(size, '\0').data(), size);
  }
  return found;
}

// The zoo's one message with every kind of field; with POLYBUS_HOSTILE_FRAMES=file those of the conformance table.
inline const Subject& subject() {
  static const Subject chosen = [] {
    const char* path = std::getenv("POLYBUS_HOSTILE_FRAMES");
    if (path == nullptr) return Subject{zoo(), {zoo_frame()}};
    return Subject{Schema::parse_file(POLYBUS_TEST_SOURCE_DIR "/tests/conformance/conformance.capnp").at("Everything"),
                   frames_of(path)};
  }();
  return chosen;
}

}  // namespace polybus::test

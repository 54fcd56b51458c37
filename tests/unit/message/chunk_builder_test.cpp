#include "bus/message/chunk_builder.hpp"

#include <capnp/any.h>

#include <random>

#include "bus/message/frame.hpp"
#include "tests/unit/message/fixtures.hpp"

namespace polybus::test {
namespace {

using bus::ChunkBuilder;
using bus::Frame;

// A recycled chunk: full of what was there before.
class DirtyChunk {
 public:
  explicit DirtyChunk(size_t bytes) : words_((bytes + 7) / 8, 0xaaaaaaaaaaaaaaaa) {}
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words_)); }

 private:
  std::vector<uint64_t> words_;
};

capnp::DynamicStruct::Builder root_of(capnp::MessageBuilder& message) {
  return message.getRoot<capnp::DynamicStruct>(zoo().struct_schema());
}

std::vector<uint64_t> canonical(capnp::AnyStruct::Reader root) {
  auto words = root.canonicalize();
  std::vector<uint64_t> copy(words.size());
  std::memcpy(copy.data(), words.begin(), words.asBytes().size());
  return copy;
}

bool same_message(std::span<const std::byte> frame, capnp::MessageBuilder& expected) {
  Frame reader(frame);
  return canonical(reader.getRoot<capnp::AnyStruct>()) == canonical(expected.getRoot<capnp::AnyStruct>().asReader());
}

TEST(ChunkBuilder, builds_a_small_message_in_one_segment_at_the_begin_of_dirty_memory) {
  DirtyChunk chunk(4096);
  ChunkBuilder message(chunk.bytes(), 1000);
  root_of(message).set("name", "kea");
  auto frame = message.finish();
  ASSERT_EQ(frame.data(), chunk.bytes().data());
  EXPECT_EQ(reinterpret_cast<const uint32_t*>(frame.data())[0], 0u) << "one segment";
  Frame reader(frame);
  EXPECT_STREQ(reader.getRoot<capnp::DynamicStruct>(zoo().struct_schema()).get("name").as<capnp::Text>().cStr(), "kea");
}

TEST(ChunkBuilder, touches_no_more_memory_than_it_was_told_to_expect) {
  DirtyChunk chunk(1 << 20);
  ChunkBuilder message(chunk.bytes(), 1000);
  root_of(message).set("name", "kea");
  message.finish();
  for (std::byte byte : chunk.bytes().subspan(ChunkBuilder::bytes_for(1000))) ASSERT_EQ(byte, std::byte{0xaa});
}

TEST(ChunkBuilder, leaves_the_memory_as_it_is_when_it_goes) {
  DirtyChunk chunk(4096);
  size_t size;
  {
    ChunkBuilder message(chunk.bytes(), 1000);
    root_of(message).set("name", "kea");
    size = message.finish().size();
  }
  Frame reader(chunk.bytes().first(size));
  EXPECT_STREQ(reader.getRoot<capnp::DynamicStruct>(zoo().struct_schema()).get("name").as<capnp::Text>().cStr(), "kea");
}

TEST(ChunkBuilder, gives_a_message_nobody_wrote_to_a_null_root) {
  DirtyChunk chunk(256);
  ChunkBuilder message(chunk.bytes());
  EXPECT_EQ(message.finish().size(), 16u);
}

TEST(ChunkBuilder, holds_what_bytes_for_was_asked_for) {
  for (size_t size : {100u, 4096u, 60000u, 100000u, 1u << 20, 8u << 20}) {
    DirtyChunk chunk(ChunkBuilder::bytes_for(size));
    ChunkBuilder message(chunk.bytes(), size);
    auto data =
        root_of(message).init("raw", static_cast<unsigned>(size - std::min<size_t>(size, 100))).as<capnp::Data>();
    std::memset(data.begin(), 7, data.size());
    auto frame = message.finish();
    ASSERT_FALSE(frame.empty()) << size;
    Frame reader(frame);
    EXPECT_EQ(reader.getRoot<capnp::DynamicStruct>(zoo().struct_schema()).get("raw").as<capnp::Data>(),
              data.asReader());
  }
}

TEST(ChunkBuilder, bytes_for_a_hint_beyond_all_memory_stay_beyond_it) {
  for (size_t hint : {SIZE_MAX, SIZE_MAX - 7, SIZE_MAX - 4096, SIZE_MAX / 2})
    EXPECT_GE(ChunkBuilder::bytes_for(hint), hint / 8 * 8) << hint;
}

TEST(ChunkBuilder, never_moves_large_data) {
  DirtyChunk chunk(ChunkBuilder::bytes_for(1 << 20));
  ChunkBuilder message(chunk.bytes(), 1 << 20);
  auto* data = root_of(message).init("raw", 1 << 20).as<capnp::Data>().begin();
  Frame reader(message.finish());
  EXPECT_EQ(reader.getRoot<capnp::DynamicStruct>(zoo().struct_schema()).get("raw").as<capnp::Data>().begin(), data);
}

TEST(ChunkBuilder, can_be_changed_again_after_resume) {
  DirtyChunk chunk(1 << 18);
  ChunkBuilder message(chunk.bytes(), 100000);
  auto root = root_of(message);
  root.init("raw", 50000);
  root.set("name", "kea");
  ASSERT_FALSE(message.finish().empty());
  message.resume();
  EXPECT_STREQ(root.asReader().get("name").as<capnp::Text>().cStr(), "kea");
  root.set("i16", -5);
  root.init("names", 3);
  Frame reader(message.finish());
  auto read = reader.getRoot<capnp::DynamicStruct>(zoo().struct_schema());
  EXPECT_EQ(read.get("i16").as<int16_t>(), -5);
  EXPECT_STREQ(read.get("name").as<capnp::Text>().cStr(), "kea");
  EXPECT_EQ(read.get("raw").as<capnp::Data>().size(), 50000u);
}

TEST(ChunkBuilder, outgrows_its_memory_onto_the_heap_and_moves_once) {
  DirtyChunk chunk(1024);
  ChunkBuilder message(chunk.bytes(), 500);
  auto root = root_of(message);
  root.set("name", "kea");
  auto data = root.init("raw", 5000).as<capnp::Data>();
  data[4999] = 42;
  EXPECT_TRUE(message.finish().empty());
  DirtyChunk larger(message.frame_bytes());
  auto frame = message.finish_into(larger.bytes());
  EXPECT_EQ(frame.size(), larger.bytes().size());
  EXPECT_TRUE(same_message(frame, message));
}

TEST(ChunkBuilder, works_without_any_memory) {
  ChunkBuilder message({});
  root_of(message).set("name", "kea");
  EXPECT_TRUE(message.finish().empty());
  DirtyChunk larger(message.frame_bytes());
  EXPECT_TRUE(same_message(message.finish_into(larger.bytes()), message));
}

TEST(ChunkBuilder, does_not_zero_what_is_overwritten_whole) {
  DirtyChunk chunk(1 << 20);
  ChunkBuilder message(chunk.bytes(), 1 << 19);
  auto root = root_of(message);
  message.begin_overwrite();
  auto data = root.init("raw", 1 << 18).as<capnp::Data>();
  message.end_overwrite();
  EXPECT_EQ(data[1000], 0xaa);
  root.set("name", "kea");
  Frame reader(message.finish());
  EXPECT_STREQ(reader.getRoot<capnp::DynamicStruct>(zoo().struct_schema()).get("name").as<capnp::Text>().cStr(), "kea");
}

// Fills fields at random, the same ones for the same seed.
void fill(capnp::DynamicStruct::Builder root, uint32_t seed) {
  std::mt19937 random(seed);
  auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  for (int i = 0; i < 20; ++i) {
    switch (below(8)) {
      case 0: root.set("name", std::string(below(300), 'n').c_str()); break;
      case 1: root.init("raw", below(4000)).as<capnp::Data>(); break;
      case 2: root.set("u64", random()); break;
      case 3: root.get("matrix").as<capnp::DynamicList>(); break;
      case 4: {
        auto names = root.init("names", 1 + below(20)).as<capnp::DynamicList>();
        names.set(below(names.size()), std::string(below(100), 'x').c_str());
        break;
      }
      case 5: {
        auto rows = root.init("matrix", 1 + below(5)).as<capnp::DynamicList>();
        for (unsigned r = 0; r < rows.size(); ++r) rows.init(r, below(50)).as<capnp::DynamicList>();
        break;
      }
      case 6: {
        auto path = root.init("path", 1 + below(60)).as<capnp::DynamicList>();
        path[below(path.size())].as<capnp::DynamicStruct>().set("x", below(100));
        break;
      }
      case 7: root.init("child").as<capnp::DynamicStruct>().set("note", "deep"); break;
    }
  }
}

TEST(ChunkBuilder, equals_capnps_own_builder_whatever_the_memory) {
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    capnp::MallocMessageBuilder expected;
    fill(root_of(expected), seed);
    std::mt19937 random(seed * 7919);
    DirtyChunk chunk(8 + random() % (random() % 4 == 0 ? 200000 : 8000));
    ChunkBuilder message(chunk.bytes(), random() % 3 == 0 ? 0 : random() % 200000);
    fill(root_of(message), seed);
    DirtyChunk larger(message.frame_bytes());
    ASSERT_TRUE(same_message(message.finish_into(larger.bytes()), expected));
    auto frame = message.finish();
    if (frame.empty()) continue;
    ASSERT_EQ(frame.data(), chunk.bytes().data());
    ASSERT_TRUE(same_message(frame, expected));
    ASSERT_EQ(message.finish().size(), frame.size()) << "finishing again changes nothing";
    ASSERT_TRUE(same_message(frame, expected));
  }
}

}  // namespace
}  // namespace polybus::test

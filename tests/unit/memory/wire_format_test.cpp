// docs/wire-format.md, held against real chunks.
#include <capnp/any.h>
#include <capnp/serialize.h>
#include <gtest/gtest.h>

#include <cstring>

#include "bus/memory/message_header.hpp"
#include "bus/message/chunk_builder.hpp"
#include "iceoryx_posh/mepoo/chunk_header.hpp"
#include "tests/unit/transport/local_bus.hpp"

namespace polybus::bus::test {
namespace {

// The chunk that a received message lies in, as bytes.
class Chunk {
 public:
  explicit Chunk(const Sample& sample)
      : payload_(sample->payload()),
        begin_(reinterpret_cast<const std::byte*>(iox::mepoo::ChunkHeader::fromUserPayload(sample->payload()))) {}
  template <typename T>
  T at(uint64_t offset) const {
    T value;
    std::memcpy(&value, begin_ + offset, sizeof value);
    return value;
  }
  uint64_t payload_offset() const { return static_cast<uint64_t>(payload_ - begin_); }
  const std::byte* begin() const { return begin_; }

 private:
  const std::byte* payload_;
  const std::byte* begin_;
};

struct Pair {
  explicit Pair(uint64_t schema_prefix = 0) {
    publisher.block = construct_publisher_block(bus.allocate(kPublisherBlockBytes), 0, 0);
    PublisherPlace place = bus.new_place(publisher.block, 64 << 20);
    publisher.extent = place.extent;
    publisher.id = 0x1122334455667788;
    PublisherConfig config;
    config.topic = "test/topic";
    config.publisher_id = publisher.id;
    config.quota_bytes = 64 << 20;
    config.schema_prefix = schema_prefix;
    publisher.port = std::make_unique<PublisherPort>(config, std::move(place));
    subscriber = bus.subscriber();
    bus.connect(publisher, subscriber);
  }
  LocalBus bus;
  LocalBus::Publisher publisher;
  LocalBus::Subscriber subscriber;
};

uint64_t now_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

TEST(WireFormat, has_every_field_of_a_chunk_where_the_page_says) {
  Pair pair;
  send(*pair.publisher.port, "first");
  const uint64_t monotonic = now_ns(CLOCK_MONOTONIC), realtime = now_ns(CLOCK_REALTIME);
  Loan loan = pair.publisher.port->loan(300);
  std::memset(loan.data(), 0xaa, 300);
  pair.publisher.port->send(loan, 250, {});
  pair.subscriber.port->take();
  const Sample sample = pair.subscriber.port->take();
  const Chunk chunk(sample);

  // iceoryx's ChunkHeader
  EXPECT_EQ(chunk.at<uint32_t>(0), 512U) << "bytes of the chunk";
  EXPECT_EQ(chunk.at<uint8_t>(4), 1U) << "version of the chunk header";
  EXPECT_EQ(chunk.at<uint8_t>(5), 0U) << "reserved";
  EXPECT_EQ(chunk.at<uint16_t>(6), 0xffffU) << "there is a user header";
  EXPECT_EQ(chunk.at<uint64_t>(8), 0U) << "origin: not used";
  EXPECT_EQ(chunk.at<uint64_t>(16), 0U) << "sequence number: not used";
  EXPECT_EQ(chunk.at<uint32_t>(24), 64U) << "bytes of the user header";
  EXPECT_EQ(chunk.at<uint32_t>(28), 300U) << "bytes asked for at the loan";
  EXPECT_EQ(chunk.at<uint32_t>(32), 64U) << "alignment of the payload";
  EXPECT_EQ(chunk.at<uint32_t>(36), 128U) << "offset of the payload";
  // MessageHeader
  EXPECT_EQ(std::memcmp(chunk.begin() + 40, "PBM1", 4), 0);
  EXPECT_EQ(chunk.at<uint16_t>(44), 1U) << "version";
  EXPECT_EQ(chunk.at<uint16_t>(46), 0U) << "flags";
  EXPECT_EQ(chunk.at<uint64_t>(48), 250U) << "bytes of the payload";
  EXPECT_EQ(chunk.at<uint64_t>(56), 0U) << "schema: none";
  EXPECT_EQ(chunk.at<uint64_t>(64), 0x1122334455667788U) << "publisher";
  EXPECT_EQ(chunk.at<uint64_t>(72), 2U) << "sequence";
  EXPECT_GE(chunk.at<uint64_t>(80), monotonic);
  EXPECT_LE(chunk.at<uint64_t>(80), now_ns(CLOCK_MONOTONIC));
  EXPECT_GE(chunk.at<uint64_t>(88), realtime);
  EXPECT_LE(chunk.at<uint64_t>(88), now_ns(CLOCK_REALTIME));
  EXPECT_EQ(chunk.at<uint32_t>(96), static_cast<uint32_t>(::getpid()));
  EXPECT_EQ(chunk.at<uint32_t>(100), 0U);
  // Payload, with iceoryx's way back to the chunk in front of it
  EXPECT_EQ(chunk.at<uint32_t>(124), 128U) << "back-offset";
  EXPECT_EQ(chunk.at<uint8_t>(128), 0xaaU);
  EXPECT_EQ(chunk.payload_offset(), 128U);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(chunk.begin()) % 64, 0U);
}

TEST(WireFormat, puts_the_payload_at_the_same_place_whatever_its_size) {
  Pair pair;
  for (uint64_t bytes : {0, 1, 8, 100, 129, 1000, 4097, 100'000, 3'000'000}) {
    send(*pair.publisher.port, std::string(bytes, 'x'));
    const Sample sample = pair.subscriber.port->take();
    EXPECT_EQ(Chunk(sample).payload_offset(), 128U) << bytes;
    EXPECT_EQ(Chunk(sample).at<uint64_t>(48), bytes);
  }
}

TEST(WireFormat, of_a_typed_topic_is_one_message_in_standard_stream_framing) {
  const char fingerprint[] = "\x01\x23\x45\x67\x89\xab\xcd\xef";
  uint64_t prefix;
  std::memcpy(&prefix, fingerprint, sizeof prefix);
  Pair pair(prefix);
  Loan loan = pair.publisher.port->loan(4096);
  ChunkBuilder builder({loan.data(), loan.capacity()}, 100);
  auto root = builder.getRoot<capnp::AnyPointer>().initAsAnyStruct(1, 1);
  root.getDataSection()[0] = 42;
  root.getPointerSection()[0].setAs<capnp::Text>("in place");
  const uint64_t bytes = builder.finish().size();
  pair.publisher.port->send(loan, bytes, {});

  const Sample sample = pair.subscriber.port->take();
  const Chunk chunk(sample);
  EXPECT_EQ(chunk.at<uint16_t>(46), 1U) << "flags: typed";
  EXPECT_EQ(std::memcmp(chunk.begin() + 56, fingerprint, 8), 0) << "in the order of the digest's bytes";
  EXPECT_EQ(chunk.at<uint64_t>(48), bytes);
  // By hand: table of one segment, root pointer (struct at once behind it, one data word, one pointer), data, text.
  EXPECT_EQ(chunk.at<uint32_t>(128), 0U) << "segments less one";
  EXPECT_EQ(chunk.at<uint32_t>(132), 5U) << "words of segment 0";
  EXPECT_EQ(chunk.at<uint64_t>(136), 0x0001'0001'0000'0000U);
  EXPECT_EQ(chunk.at<uint64_t>(144), 42U);
  EXPECT_EQ(chunk.at<uint64_t>(152), (uint64_t{9} << 35) | (uint64_t{2} << 32) | 1U) << "list of 9 bytes";
  EXPECT_EQ(std::memcmp(chunk.begin() + 160, "in place\0", 9), 0);
  EXPECT_EQ(bytes, 48U);
  // And by the library.
  capnp::FlatArrayMessageReader reader({reinterpret_cast<const capnp::word*>(sample->payload()), bytes / 8});
  const auto read = reader.getRoot<capnp::AnyPointer>().getAs<capnp::AnyStruct>();
  EXPECT_EQ(read.getDataSection()[0], 42);
  EXPECT_EQ(read.getPointerSection()[0].getAs<capnp::Text>(), "in place");
  EXPECT_EQ(reinterpret_cast<const std::byte*>(reader.getEnd()), sample->payload() + bytes);
}

TEST(WireFormat, of_a_message_that_grew_has_several_segments_and_is_still_standard) {
  Pair pair(1);
  Loan loan = pair.publisher.port->loan(200'000);
  ChunkBuilder builder({loan.data(), loan.capacity()}, 100);
  auto root = builder.getRoot<capnp::AnyPointer>().initAsAnyStruct(0, 1);
  root.getPointerSection()[0].setAs<capnp::Data>(kj::heapArray<kj::byte>(100'000));
  const uint64_t bytes = builder.finish().size();
  pair.publisher.port->send(loan, bytes, {});
  const Sample sample = pair.subscriber.port->take();
  EXPECT_EQ(Chunk(sample).at<uint32_t>(128), 1U) << "segments less one";
  capnp::FlatArrayMessageReader reader({reinterpret_cast<const capnp::word*>(sample->payload()), bytes / 8});
  const auto read = reader.getRoot<capnp::AnyPointer>().getAs<capnp::AnyStruct>();
  EXPECT_EQ(read.getPointerSection()[0].getAs<capnp::Data>().size(), 100'000U);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(reader.getEnd()), sample->payload() + bytes);
}

}  // namespace
}  // namespace polybus::bus::test

// Messages survive the way to bytes and back; bytes that are no message harm nobody.
#include "discovery/protocol/codec.hpp"

#include <gtest/gtest.h>

#include <random>

namespace polybus::discovery {
namespace {

Request there_and_back(const Request& request) {
  const Frame frame = encode(request);
  FrameReader reader(kFrameBytesMax);
  return decode_request(frame.bytes, reader);
}
Notice there_and_back(const Notice& notice) {
  const Frame frame = encode(notice);
  FrameReader reader(kFrameBytesMax);
  return decode_notice(frame.bytes, reader);
}
template <typename T>
T reply(T body) {
  return std::get<T>(std::get<Reply>(there_and_back(Notice{Reply{7, std::move(body)}, {}}).body).body);
}
template <typename T>
T event(T body) {
  return std::get<T>(std::get<Event>(there_and_back(Notice{Event{std::move(body)}, {}}).body));
}

SchemaInfo schema() {
  return {std::string(64, 'f'), "imu.capnp:Imu", std::make_shared<const std::vector<std::byte>>(24, std::byte{1})};
}

TEST(Codec, keeps_a_subscribe_as_it_was) {
  const Subscribe body{.end = 3,
                       .node = 1,
                       .topic = "a/b",
                       .subscriber_id = ~0ull,
                       .schema = schema(),
                       .queue_depth = 64,
                       .history = 5,
                       .blocking = true};
  const auto request = there_and_back(Request{42, body, {}});
  EXPECT_EQ(request.id, 42u);
  const auto& got = std::get<Subscribe>(request.body);
  EXPECT_EQ(got.end, 3u);
  EXPECT_EQ(got.topic, "a/b");
  EXPECT_EQ(got.subscriber_id, ~0ull);
  EXPECT_EQ(got.schema->type_name, "imu.capnp:Imu");
  EXPECT_EQ(*got.schema->bundle, *schema().bundle);
  EXPECT_EQ(got.queue_depth, 64u);
  EXPECT_EQ(got.history, 5u);
  EXPECT_TRUE(got.blocking);
}

TEST(Codec, keeps_a_failure_as_it_was) {
  const auto got = reply(Failure{Code::exclusive, "taken"});
  EXPECT_EQ(got.code, Code::exclusive);
  EXPECT_EQ(got.message, "taken");
  const auto connected =
      std::get<Connected>(there_and_back(Request{0, Connected{8, Failure{Code::limit, "no"}}, {}}).body);
  EXPECT_EQ(connected.failure->code, Code::limit);
}

TEST(Codec, tells_no_schema_from_one_without_its_definition) {
  EXPECT_FALSE(reply(TopicSchema{}).schema);
  SchemaInfo known = schema();
  known.bundle = nullptr;
  const auto got = reply(TopicSchema{known}).schema;
  ASSERT_TRUE(got);
  EXPECT_EQ(got->bundle, nullptr);
}

TEST(Codec, keeps_a_connect_as_it_was) {
  const auto got = event(Connect{.connection = 1,
                                 .end = 2,
                                 .block = 4096,
                                 .ready_index = 63,
                                 .extent = {5, 1ull << 40, 4096, 6},
                                 .publisher_id = 9,
                                 .pid = 77,
                                 .node = "cam",
                                 .schema = schema()});
  EXPECT_EQ(got.extent.offset, 1ull << 40);
  EXPECT_EQ(got.extent.ticket, 6u);
  EXPECT_EQ(got.ready_index, 63u);
  EXPECT_EQ(got.node, "cam");
  EXPECT_EQ(got.schema->fingerprint, schema().fingerprint);
}

TEST(Codec, keeps_a_graph_as_it_was) {
  Graph graph{.bus = "b", .busd_pid = 4, .nodes = {{"n", "python", 5}}, .topics = {}, .connections = {{1, 2}}};
  graph.topics.push_back({"t",
                          "x:Y",
                          "ff",
                          {{.node = "n", .language = "python", .pid = 5, .id = 1, .is_publisher = true}},
                          3,
                          {{2, "x:Z", "ee", 1, 4, 6}}});
  const auto got = reply(graph);
  EXPECT_EQ(got.nodes.at(0).language, "python");
  EXPECT_EQ(got.topics.at(0).kept_values, 3u);
  EXPECT_TRUE(got.topics.at(0).ends.at(0).is_publisher);
  EXPECT_EQ(got.topics.at(0).versions.at(0).fingerprint, "ee");
  EXPECT_EQ(got.topics.at(0).versions.at(0).subscribers, 4u);
  EXPECT_EQ(got.topics.at(0).versions.at(0).kept_publishers, 6u);
  EXPECT_EQ(got.connections.at(0).subscriber_id, 2u);
}

TEST(Codec, refuses_a_fingerprint_that_is_none) {
  Subscribe body{
      .end = 1, .node = 1, .topic = "t", .subscriber_id = 1, .schema = schema(), .queue_depth = 1, .history = 0};
  body.schema->fingerprint = "../../etc";
  EXPECT_THROW(there_and_back(Request{1, body, {}}), ProtocolError);
}

TEST(Codec, survives_bytes_that_are_no_message) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  const Advertise body{.end = 1, .node = 2, .topic = "some/topic", .publisher_id = 3, .schema = schema(), .history = 4};
  const Frame good = encode(Request{9, body, {}});
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes = good.bytes;
    for (unsigned flips = random() % 6 + 1; flips != 0; --flips)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    FrameReader reader(kFrameBytesMax);
    try {
      decode_request(bytes, reader);
    } catch (const ProtocolError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0) << "seed " << seed;
}

TEST(Codec, refuses_texts_of_more_than_4_KiB) {
  EXPECT_NO_THROW(there_and_back(Request{1, AddNode{1, std::string(kTextBytesMax, 'x'), "c++"}, {}}));
  EXPECT_THROW(there_and_back(Request{1, AddNode{1, std::string(kTextBytesMax + 1, 'x'), "c++"}, {}}), ProtocolError);
}

}  // namespace
}  // namespace polybus::discovery

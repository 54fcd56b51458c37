#include "adapters/c/src/json_writer.hpp"

#include <gtest/gtest.h>

#include "adapters/c/src/graph_json.hpp"

using polybus::c::JsonWriter;

TEST(JsonWriter, puts_commas_where_they_belong) {
  JsonWriter json;
  json.begin_object().key("a").number(1).key("b").begin_array().number(2).text("x").end_array();
  json.key("c").begin_object().end_object().key("d").boolean(true).end_object();
  EXPECT_EQ(std::move(json).take(), R"({"a":1,"b":[2,"x"],"c":{},"d":true})");
}

TEST(JsonWriter, escapes_what_json_does_not_take) {
  JsonWriter json;
  json.text("say \"ü\"\\\n\x01\x7f");
  EXPECT_EQ(std::move(json).take(), "\"say \\\"ü\\\"\\\\\\u000a\\u0001\\u007f\"");
}

TEST(JsonWriter, writes_64_bit_numbers_as_strings_and_empty_names_as_null) {
  JsonWriter json;
  json.begin_array().big(UINT64_MAX).text_or_null("").text_or_null("t").end_array();
  EXPECT_EQ(std::move(json).take(), R"(["18446744073709551615",null,"t"])");
}

TEST(GraphJson, has_every_topic_with_its_ends) {
  polybus::Graph graph;
  graph.bus = "b";
  graph.nodes.push_back({"n", "c", 7});
  auto& topic = graph.topics.emplace_back();
  topic.topic = "t";
  topic.publishers.push_back({.node = "n", .language = "c", .pid = 7, .id = 1, .seq = 5});
  topic.subscribers.push_back({.node = "m", .language = "c", .pid = 8, .id = 2, .queue = 16, .lost = 3});
  const std::string json = polybus::c::graph_json(graph);
  EXPECT_NE(json.find(R"("nodes":[{"node":"n","pid":7,"language":"c"}])"), std::string::npos) << json;
  EXPECT_NE(json.find(R"({"topic":"t","type":null,"fingerprint":null,"kept":0,"publishers":[{"node":"n","pid":7)"),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("seq":"5")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("lost":"3")"), std::string::npos) << json;
}

TEST(EventJson, leaves_out_what_the_event_has_not) {
  EXPECT_EQ(polybus::c::event_json({.event = "registry_lost"}), R"({"event":"registry_lost"})");
  EXPECT_EQ(polybus::c::event_json({.event = "node_added", .node = "n", .pid = 5}),
            R"({"event":"node_added","node":"n","pid":5})");
}

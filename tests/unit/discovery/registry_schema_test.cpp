// The schemas of topics, as the registry holds them against each other, remembers them and hands them on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/discovery/registry_fixture.hpp"

namespace polybus::registry {
namespace {

using namespace discovery;
using namespace testing_support;
using testing::HasSubstr;

TEST_F(Registries, say_both_sides_of_a_schema_mismatch_and_the_fields_they_differ_in) {
  Process one(registry, 10), two(registry, 11);
  one.advertise(1, "t", 0, schema('a'));
  std::string message;
  EXPECT_EQ(code_of([&] { two.subscribe(1, "t", 0, schema('b')); }, &message), Code::schema_mismatch);
  EXPECT_EQ(message,
            "topic t: x.capnp:B of this subscriber, node node-11 (pid 11, test), against x.capnp:A of publisher node "
            "node-10 (pid 10, test): v @0: UInt16 here, UInt8 there");
  EXPECT_EQ(code_of([&] { two.subscribe(1, "t"); }), Code::ok);
  EXPECT_EQ(code_of([&] { two.advertise(1, "t", 0, schema('a')); }), Code::ok);
}

TEST_F(Registries, hold_typed_against_untyped_as_the_words_say) {
  Process one(registry, 10), two(registry, 11);
  std::string message;
  one.advertise(1, "typed", 0, schema('a'));
  EXPECT_EQ(code_of([&] { two.advertise(1, "typed"); }, &message), Code::schema_mismatch);
  EXPECT_EQ(message,
            "topic typed: untyped bytes of this publisher, node node-11 (pid 11, test), against x.capnp:A of publisher "
            "node node-10 (pid 10, test): no schema here, one there");
  one.advertise(2, "untyped");
  EXPECT_EQ(code_of([&] { two.advertise(1, "untyped", 0, schema('a')); }, &message), Code::schema_mismatch);
  EXPECT_THAT(message, HasSubstr("a schema here, none there"));
  EXPECT_EQ(code_of([&] { two.subscribe(1, "untyped", 0, schema('a')); }, &message), Code::schema_mismatch);
  EXPECT_THAT(message, HasSubstr("x.capnp:A of this subscriber"));
  // Who asks for nothing gets whatever there is, and is no hindrance to what comes.
  EXPECT_EQ(code_of([&] { two.subscribe(2, "untyped"); }), Code::ok);
  EXPECT_EQ(code_of([&] { two.subscribe(3, "typed"); }), Code::ok);
  two.subscribe(4, "first");
  EXPECT_EQ(code_of([&] { one.advertise(4, "first", 0, schema('a')); }), Code::ok);
  two.subscribe(5, "second", 0, schema('a'));
  EXPECT_EQ(code_of([&] { one.advertise(5, "second"); }, &message), Code::schema_mismatch);
  EXPECT_THAT(message, HasSubstr("x.capnp:A of subscriber node node-11"));
}

TEST_F(Registries, connect_versions_that_evolved_and_tell_each_reader_the_writers) {
  const SchemaInfo older = schema('a'), newer = schema_of("A", "v @0 :UInt8; w @1 :Text; x @2 :Int64;");
  Process writer(registry, 10), reader(registry, 11);
  writer.advertise(1, "t", 0, newer);
  EXPECT_FALSE(reader.subscribe(1, "t", 0, older).settled);
  const auto connect = reader.hear<Connect>();
  ASSERT_TRUE(connect && connect->schema);
  EXPECT_EQ(connect->schema->fingerprint, newer.fingerprint);
  reader.say(Connected{connect->connection, {}});
  EXPECT_TRUE(writer.hear<Attach>());
}

TEST_F(Registries, hold_a_newcomer_against_every_version_in_use_not_only_the_oldest) {
  Process one(registry, 10), two(registry, 11), three(registry, 12);
  one.advertise(1, "t", 0, schema_of("A", "v @0 :UInt8;"));
  two.advertise(1, "t", 0, schema_of("A", "v @0 :UInt8; left @1 :Text;"));
  const SchemaInfo right = schema_of("A", "v @0 :UInt8; right @1 :Int64;");
  std::string message;
  EXPECT_EQ(code_of([&] { three.subscribe(1, "t", 0, right); }, &message), Code::schema_mismatch);
  EXPECT_THAT(message, HasSubstr("node-11"));
  EXPECT_THAT(message, HasSubstr("right @1: Int64 here, left :Text there"));
  two.die();
  EXPECT_EQ(code_of([&] { three.subscribe(1, "t", 0, right); }), Code::ok);
}

TEST_F(Registries, number_the_versions_of_a_topic_and_hand_out_each) {
  const SchemaInfo older = schema('a'), newer = schema_of("A", "v @0 :UInt8; w @1 :Text; x @2 :Int64;");
  Process one(registry, 10), two(registry, 11);
  one.advertise(1, "t", 0, older);
  one.advertise(2, "t", 0, older);
  two.subscribe(1, "t", 0, newer);
  const auto graph = std::get<Graph>(two.ask(AskGraph{}));
  ASSERT_EQ(graph.topics.size(), 1u);
  const auto& versions = graph.topics[0].versions;
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0].number, 1u);
  EXPECT_EQ(versions[0].fingerprint, older.fingerprint);
  EXPECT_EQ(versions[0].publishers, 2u);
  EXPECT_EQ(versions[1].number, 2u);
  EXPECT_EQ(versions[1].subscribers, 1u);
  const auto asked = std::get<TopicSchema>(one.ask(AskSchema{newer.fingerprint}));
  ASSERT_TRUE(asked.schema);
  EXPECT_EQ(*asked.schema->bundle, *newer.bundle);
  EXPECT_FALSE(std::get<TopicSchema>(one.ask(AskSchema{std::string(64, 'f')})).schema);
}

TEST_F(Registries, remember_a_bounded_number_of_versions_and_all_that_are_in_use) {
  Process keeper(registry, 10), changer(registry, 11);
  std::string fields = "v @0 :UInt8;";
  keeper.advertise(1, "t", 0, schema_of("A", fields));
  for (int i = 1; i < 40; ++i) {
    fields += " f" + std::to_string(i) + " @" + std::to_string(i) + " :Text;";
    changer.subscribe(1, "t", 0, schema_of("A", fields));
    changer.say(CloseSubscriber{1});
  }
  const auto graph = std::get<Graph>(keeper.ask(AskGraph{}));
  const auto& versions = graph.topics.at(0).versions;
  EXPECT_EQ(versions.size(), 32u);
  EXPECT_EQ(versions.front().number, 1u);
  EXPECT_EQ(versions.back().number, 40u);
}

TEST_F(Registries, remember_a_bounded_number_of_bytes_of_versions_that_nobody_has_any_more) {
  std::string long_default(400'000, 'x');
  Process keeper(registry, 10), changer(registry, 11);
  keeper.advertise(1, "t", 0, schema_of("A", "v @0 :UInt8;"));
  for (int i = 0; i < 6; ++i) {
    long_default.back() = static_cast<char>('a' + i);
    changer.subscribe(1, "t", 0,
                      schema_of("A", "v @0 :UInt8; w" + std::to_string(i) + " @1 :Text = \"" + long_default + "\";"));
    changer.say(CloseSubscriber{1});
  }
  const auto graph = std::get<Graph>(keeper.ask(AskGraph{}));
  const auto& versions = graph.topics.at(0).versions;
  // The first is in use, and so was the last one when it came.
  EXPECT_EQ(versions.front().number, 1u);
  EXPECT_EQ(versions.back().number, 7u);
  EXPECT_EQ(versions.size(), 4u);
}

TEST_F(Registries, refuse_schemas_that_are_none_or_not_what_they_claim) {
  Process one(registry, 10);
  SchemaInfo broken = schema('a');
  broken.bundle = std::make_shared<const std::vector<std::byte>>(64, std::byte{0x11});
  EXPECT_EQ(code_of([&] { one.advertise(1, "t", 0, broken); }), Code::bad_schema);
  EXPECT_EQ(code_of([&] { one.subscribe(1, "t", 0, broken); }), Code::bad_schema);
  SchemaInfo lying = schema('a');
  lying.bundle = schema('b').bundle;
  EXPECT_EQ(code_of([&] { one.advertise(1, "t", 0, lying); }), Code::bad_schema);
  SchemaInfo missing = schema('a');
  missing.bundle = nullptr;
  EXPECT_EQ(code_of([&] { one.advertise(1, "t", 0, missing); }), Code::bad_schema);
  expect_nothing_left();
  SchemaInfo renamed = schema('a');
  renamed.type_name = "somebody.capnp:Else";
  one.advertise(1, "t", 0, renamed);
  EXPECT_EQ(std::get<Graph>(one.ask(AskGraph{})).topics.at(0).type_name, "x.capnp:A");
}

TEST_F(Registries, say_a_mismatch_in_what_an_error_of_the_c_interface_holds) {
  std::string here, there;
  for (int i = 0; i < 40; ++i) {
    const std::string field = " aFieldWithALongName" + std::to_string(i) + " @" + std::to_string(i);
    here += field + " :UInt8;";
    there += field + " :Text;";
  }
  Process one(registry, 10), two(registry, 11);
  const std::string topic(100, 't');
  one.advertise(1, topic, 0, schema_of("A" + std::string(120, 'a'), here));
  std::string message;
  EXPECT_EQ(code_of([&] { two.subscribe(1, topic, 0, schema_of("A" + std::string(120, 'a'), there)); }, &message),
            Code::schema_mismatch);
  EXPECT_LE(message.size(), 511u);
  EXPECT_THAT(message, HasSubstr("aFieldWithALongName0 @0: Text here, UInt8 there"));
}

TEST_F(Registries, forget_a_topics_schema_with_its_last_end) {
  Process one(registry, 10), two(registry, 11);
  one.advertise(1, "t", 0, schema('a'));
  one.die();
  EXPECT_EQ(code_of([&] { two.advertise(1, "t", 0, schema('b')); }), Code::ok);
}

TEST_F(Registries, send_a_schema_to_each_process_once) {
  Process one(registry, 10), two(registry, 11);
  one.advertise(1, "t", 0, schema('a'));
  const auto subscribed = two.subscribe(1, "t");
  ASSERT_TRUE(subscribed.topic_schema);
  EXPECT_NE(subscribed.topic_schema->bundle, nullptr);
  const auto connect = two.hear<Connect>();
  EXPECT_EQ(connect->schema->fingerprint, schema('a').fingerprint);
  EXPECT_EQ(connect->schema->bundle, nullptr);
}

TEST_F(Registries, remember_of_256_schemas_that_a_process_has_them_and_send_older_ones_again) {
  Process writer(registry, 100), reader(registry, 200);
  reader.subscribe(1, "t");
  const auto connect_to = [&](int which) {
    writer.advertise(1, "t", 0, schema_of("A", "v @0 :UInt8; w @1 :Text = \"" + std::to_string(which) + "\";"));
    const auto connect = reader.hear<Connect>();
    EXPECT_TRUE(connect && connect->schema);
    writer.say(ClosePublisher{1});
    reader.say(Connected{connect->connection, Failure{Code::closed, ""}});
    return *connect->schema;
  };
  EXPECT_NE(connect_to(0).bundle, nullptr);
  EXPECT_EQ(connect_to(0).bundle, nullptr) << "it was sent a moment ago";
  for (int i = 1; i < 256; ++i) EXPECT_NE(connect_to(i).bundle, nullptr);
  EXPECT_EQ(connect_to(0).bundle, nullptr) << "it is one of 256";
  EXPECT_NE(connect_to(256).bundle, nullptr);
  EXPECT_NE(connect_to(0).bundle, nullptr) << "it was the oldest of 257, and may not be missing";
  EXPECT_EQ(connect_to(0).bundle, nullptr);
  EXPECT_EQ(reader.session().known_schemas.size(), 256u);
  EXPECT_EQ(writer.session().known_schemas.size(), 256u);
}

}  // namespace
}  // namespace polybus::registry

// The registry with processes that the test plays: who is told what, and when memory is free again.
#include "discovery/registry/registry.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <fstream>
#include <polybus/schema.hpp>

#include "bus/transport/layout.hpp"
#include "discovery/protocol/codec.hpp"
#include "discovery/registry/kept_values.hpp"
#include "tests/unit/discovery/folder.hpp"

namespace polybus::registry {
namespace {

using namespace discovery;
using testing::HasSubstr;
using testing_support::Folder;

// A struct's definition as a process sends it.
SchemaInfo schema_of(const std::string& name, const std::string& fields) {
  Folder folder;
  std::ofstream(folder / "x.capnp") << "@0xb0e1c2d3a4f59801;\nstruct " << name << " {" << fields << "}";
  const Schema parsed = Schema::parse_file(folder / "x.capnp").at(name);
  const auto bundle = parsed.bundle();
  return {parsed.fingerprint(), parsed.type_name(),
          std::make_shared<const std::vector<std::byte>>(bundle.begin(), bundle.end())};
}

SchemaInfo schema(char which) {
  return which == 'a' ? schema_of("A", "v @0 :UInt8; w @1 :Text;") : schema_of("B", "v @0 :UInt16; w @1 :Text;");
}

// A process as busd sees it: what it was told, and short ways to say things.
class Process : public Outbox {
 public:
  Process(Registry& registry, uint32_t pid) : registry_(registry), session_(&registry.open(*this, pid)) {
    const auto joined = ask(Join{POLYBUS_VERSION, protocol_version(), bus::layout_hash(), ""});
    EXPECT_TRUE(std::holds_alternative<Joined>(joined));
    say(AddNode{1, "node-" + std::to_string(pid), "test"});
  }

  void send(Notice notice) override { inbox_.push_back(std::move(notice)); }

  void say(decltype(Request::body) body, std::vector<SharedFd> fds = {}) {
    if (!registry_.handle(*session_, Request{0, std::move(body), std::move(fds)})) session_ = nullptr;
  }
  // The reply; events that came with it stay in the inbox.
  decltype(Reply::body) ask(decltype(Request::body) body, std::vector<SharedFd> with = {}) {
    registry_.handle(*session_, Request{++last_id_, std::move(body), std::move(with)});
    for (auto notice = inbox_.begin(); notice != inbox_.end(); ++notice) {
      auto* reply = std::get_if<Reply>(&notice->body);
      if (reply == nullptr || reply->id != last_id_) continue;
      auto body_of_reply = std::move(reply->body);
      inbox_.erase(notice);
      return body_of_reply;
    }
    return Failure{Code::internal, "no answer"};
  }
  Placed advertise(uint64_t end, const std::string& topic, uint32_t history = 0, std::optional<SchemaInfo> with = {},
                   bool exclusive = false) {
    auto body = ask(Advertise{.end = end,
                              .node = 1,
                              .topic = topic,
                              .publisher_id = 1000 + end,
                              .schema = std::move(with),
                              .history = history,
                              .exclusive = exclusive,
                              .quota_bytes = 1 << 20});
    if (auto* failure = std::get_if<Failure>(&body)) throw Error(failure->code, failure->message);
    return std::get<Placed>(body);
  }
  Subscribed subscribe(uint64_t end, const std::string& topic, uint32_t history = 0,
                       std::optional<SchemaInfo> with = {}) {
    auto body = ask(Subscribe{.end = end,
                              .node = 1,
                              .topic = topic,
                              .subscriber_id = 2000 + end,
                              .schema = std::move(with),
                              .queue_depth = 16,
                              .history = history});
    if (auto* failure = std::get_if<Failure>(&body)) throw Error(failure->code, failure->message);
    return std::get<Subscribed>(body);
  }
  // The next event of its kind; others before it are skipped.
  template <typename T>
  std::optional<T> hear() {
    while (!inbox_.empty()) {
      const Notice notice = std::move(inbox_.front());
      inbox_.pop_front();
      if (const auto* event = std::get_if<Event>(&notice.body))
        if (const auto* wanted = std::get_if<T>(event)) {
          fds = notice.fds;
          return *wanted;
        }
    }
    return std::nullopt;
  }
  void die() {
    registry_.died(*session_);
    session_ = nullptr;
  }
  void lose_socket() { registry_.lost(*session_); }
  Session& session() { return *session_; }

  std::vector<SharedFd> fds;  // of the event heard last

 private:
  Registry& registry_;
  Session* session_;
  std::deque<Notice> inbox_;
  uint64_t last_id_ = 1;
};

class Registries : public ::testing::Test {
 protected:
  Folder folder;
  Registry registry{"test", bus::StatFile::create(folder / "t.stat", 4711, "test")};
  const Bus& bus() { return registry.bus(); }

  void expect_nothing_left() {
    EXPECT_EQ(bus().book.blocks_in_use(), 0u);
    EXPECT_TRUE(bus().connections.empty());
    EXPECT_TRUE(bus().publishers.empty());
    EXPECT_TRUE(bus().subscribers.empty());
    EXPECT_TRUE(bus().topics.empty());
    EXPECT_EQ(bus().window.free_bytes(), bus().book.window_bytes() - bus::kBookBytesMax);
  }
};

template <typename F>
Code code_of(F&& call, std::string* message = nullptr) {
  try {
    call();
  } catch (const Error& e) {
    if (message != nullptr) *message = e.what();
    return e.code();
  }
  return Code::ok;
}

// The whole introduction of one publisher and one subscriber. Returns the connection.
uint64_t shake_hands(Process& publisher, Process& subscriber) {
  const auto connect = subscriber.hear<Connect>();
  EXPECT_TRUE(connect);
  EXPECT_EQ(subscriber.fds.size(), 1u);
  subscriber.say(Connected{connect->connection, {}});
  const auto attach = publisher.hear<Attach>();
  EXPECT_TRUE(attach);
  EXPECT_EQ(attach->connection, connect->connection);
  EXPECT_EQ(attach->block, connect->block);
  publisher.say(Attached{attach->connection, true});
  return connect->connection;
}

TEST_F(Registries, refuse_a_program_of_another_version_and_name_both) {
  struct Nobody : Outbox {
    void send(Notice notice) override { last = std::move(notice); }
    Notice last{Reply{}, {}};
  } nobody;
  Session& session = registry.open(nobody, 1);
  registry.handle(session, Request{1, Join{"0.0.1", protocol_version(), bus::layout_hash() + 1, ""}, {}});
  const auto& failure = std::get<Failure>(std::get<Reply>(nobody.last.body).body);
  EXPECT_EQ(failure.code, Code::version_mismatch);
  EXPECT_THAT(failure.message, HasSubstr("0.0.1"));
  EXPECT_THAT(failure.message, HasSubstr(POLYBUS_VERSION));
  EXPECT_THAT(failure.message, HasSubstr("update"));
  EXPECT_FALSE(session.joined);
}

TEST_F(Registries, want_a_join_first) {
  struct Nobody : Outbox {
    void send(Notice) override {}
  } nobody;
  Session& session = registry.open(nobody, 1);
  EXPECT_THROW(registry.handle(session, Request{1, AskGraph{}, {}}), ProtocolError);
}

TEST_F(Registries, introduce_a_publisher_to_who_is_there) {
  Process reader(registry, 10), writer(registry, 11);
  EXPECT_TRUE(reader.subscribe(1, "t").settled);
  EXPECT_FALSE(writer.advertise(1, "t").settled);
  shake_hands(writer, reader);
  EXPECT_TRUE(writer.hear<Settled>());
}

TEST_F(Registries, introduce_a_subscriber_to_who_is_there) {
  Process reader(registry, 10), writer(registry, 11);
  EXPECT_TRUE(writer.advertise(1, "t").settled);
  EXPECT_FALSE(reader.subscribe(1, "t").settled);
  shake_hands(writer, reader);
  EXPECT_TRUE(reader.hear<Settled>());
}

TEST_F(Registries, tell_the_publisher_only_when_the_subscriber_has_its_memory) {
  Process reader(registry, 10), writer(registry, 11);
  writer.advertise(1, "t");
  reader.subscribe(1, "t");
  EXPECT_FALSE(writer.hear<Attach>());
  reader.say(Connected{reader.hear<Connect>()->connection, {}});
  EXPECT_TRUE(writer.hear<Attach>());
}

TEST_F(Registries, free_everything_after_an_orderly_end) {
  Process reader(registry, 10), writer(registry, 11);
  const Placed placed = writer.advertise(1, "t");
  reader.subscribe(1, "t");
  const auto connect = *reader.hear<Connect>();
  reader.say(Connected{connect.connection, {}});
  writer.say(Attached{writer.hear<Attach>()->connection, true});

  reader.say(CloseSubscriber{1});
  EXPECT_FALSE(writer.hear<Detach>());  // a sample may be held: the table is not taken back yet
  reader.say(ExtentUnmapped{connect.extent.id, connect.extent.ticket});
  reader.say(ConnectionClosed{connect.connection});
  writer.say(Detached{writer.hear<Detach>()->connection});
  EXPECT_TRUE(bus().connections.empty());
  writer.say(ClosePublisher{1});
  EXPECT_EQ(bus().publishers.size(), 1u);  // still mapped by its owner
  writer.say(ExtentUnmapped{placed.extent.id, placed.extent.ticket});
  expect_nothing_left();
}

TEST_F(Registries, free_everything_when_the_publisher_goes_first) {
  Process reader(registry, 10), writer(registry, 11);
  const Placed placed = writer.advertise(1, "t");
  reader.subscribe(1, "t");
  const uint64_t connection = shake_hands(writer, reader);
  writer.say(ClosePublisher{1});
  writer.say(ExtentUnmapped{placed.extent.id, placed.extent.ticket});
  EXPECT_EQ(reader.hear<PublisherGone>()->connection, connection);
  EXPECT_EQ(bus().connections.size(), 1u);  // the subscriber may still drain it
  reader.say(ConnectionClosed{connection});
  reader.die();
  expect_nothing_left();
}

TEST_F(Registries, free_everything_whoever_dies_at_whatever_step) {
  // Each way to introduce and part, cut off after every step by the death of one side, then of the other.
  for (int first_to_die = 0; first_to_die < 2; ++first_to_die) {
    for (int steps = 0; steps < 8; ++steps) {
      auto reader = std::make_unique<Process>(registry, 10);
      auto writer = std::make_unique<Process>(registry, 11);
      std::optional<Connect> connect;
      std::optional<Attach> attach;
      for (int step = 0; step < steps; ++step) {
        if (step == 0) writer->advertise(1, "t", 1);
        if (step == 1) reader->subscribe(1, "t", 1);
        if (step == 2) connect = reader->hear<Connect>();
        if (step == 3) reader->say(Connected{connect->connection, {}});
        if (step == 4) attach = writer->hear<Attach>();
        if (step == 5) writer->say(Attached{attach->connection, true});
        if (step == 6) reader->say(CloseSubscriber{1});
        if (step == 7) writer->say(ClosePublisher{1});
      }
      auto& first = first_to_die == 0 ? reader : writer;
      auto& second = first_to_die == 0 ? writer : reader;
      first->die();
      second->die();
      expect_nothing_left();
      EXPECT_TRUE(bus().sessions.empty());
    }
  }
}

TEST_F(Registries, serve_the_kept_values_of_a_publisher_that_died_unattached_and_of_no_other) {
  for (const bool attached : {false, true}) {
    const std::string topic = attached ? "attached" : "unattached";
    Process writer(registry, 11), reader(registry, 10);
    const Placed placed = writer.advertise(1, topic, 1);
    bus::HistorySlot& slot = bus().book.publisher(placed.block)->slots[0];
    slot.chunk_offset = placed.extent.offset;
    slot.sequence = 7;
    reader.subscribe(1, topic, 1);
    const auto connect = reader.hear<Connect>();
    ASSERT_TRUE(connect);
    reader.say(Connected{connect->connection, {}});
    if (attached) bus().book.connection(connect->block)->base_sequence = 7;  // killed before it could answer
    writer.die();
    EXPECT_EQ(reader.hear<Connect>().has_value(), !attached);
  }
}

TEST_F(Registries, give_a_dead_publishers_memory_back_when_newer_values_took_the_place_of_its_without_a_word) {
  Process dead(registry, 11), living(registry, 10);
  const auto keep = [this](const Placed& placed, uint64_t published_ns) {
    bus::HistorySlot& slot = bus().book.publisher(placed.block)->slots[0];
    slot.chunk_offset = placed.extent.offset;
    slot.published_realtime_ns = published_ns;
    slot.sequence = 1;
  };
  keep(dead.advertise(1, "t", 1), 100);
  const Placed placed = living.advertise(1, "t", 1);
  dead.die();
  EXPECT_EQ(bus().publishers.size(), 2u);
  EXPECT_EQ(bus().kept_publishers, 1u);
  keep(placed, 200);
  drop_outdated(registry.bus());  // as busd does now and then
  EXPECT_EQ(bus().publishers.size(), 1u);
  EXPECT_EQ(bus().kept_publishers, 0u);
}

TEST_F(Registries, reclaim_a_dead_subscribers_connection_from_the_living_publisher) {
  Process writer(registry, 11);
  writer.advertise(1, "t");
  for (int i = 0; i < 5; ++i) {
    Process reader(registry, 10);
    reader.subscribe(1, "t");
    const uint64_t connection = shake_hands(writer, reader);
    reader.die();
    EXPECT_EQ(writer.hear<Detach>()->connection, connection);
    EXPECT_EQ(bus().connections.size(), 1u);  // until the publisher has let go
    writer.say(Detached{connection});
    EXPECT_TRUE(bus().connections.empty());
  }
}

TEST_F(Registries, keep_a_lost_process_memory_until_it_is_dead) {
  Process reader(registry, 10), writer(registry, 11);
  writer.advertise(1, "t");
  reader.subscribe(1, "t");
  shake_hands(writer, reader);
  reader.lose_socket();
  EXPECT_FALSE(writer.hear<Detach>());
  EXPECT_EQ(bus().subscribers.size(), 1u);
  reader.die();
  EXPECT_TRUE(writer.hear<Detach>());
}

TEST_F(Registries, leave_a_stopped_process_alone_and_do_not_wait_for_it) {
  Process stopped(registry, 10), writer(registry, 11);
  stopped.subscribe(1, "t");
  EXPECT_FALSE(writer.advertise(1, "t").settled);
  EXPECT_FALSE(writer.hear<Settled>());  // waits for it, a little
  ::usleep(600'000);
  EXPECT_FALSE(writer.advertise(2, "t").settled);
  EXPECT_TRUE(writer.hear<Settled>());  // has learnt
  while (const auto connect = stopped.hear<Connect>()) stopped.say(Connected{connect->connection, {}});
  EXPECT_TRUE(writer.hear<Attach>());
  EXPECT_TRUE(writer.hear<Attach>());
}

TEST_F(Registries, refuse_a_second_publisher_where_one_wants_to_be_alone) {
  Process one(registry, 10), two(registry, 11);
  one.advertise(1, "t", 0, {}, true);
  std::string message;
  EXPECT_EQ(code_of([&] { two.advertise(1, "t"); }, &message), Code::exclusive);
  EXPECT_THAT(message, HasSubstr("node-10 (pid 10, test)"));
  one.die();
  two.advertise(1, "t");
  Process three(registry, 12);
  EXPECT_EQ(code_of([&] { three.advertise(1, "t", 0, {}, true); }), Code::exclusive);
}

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

TEST_F(Registries, hand_a_late_eventfd_to_publishers_that_are_attached) {
  Process reader(registry, 10), writer(registry, 11), late(registry, 12);
  writer.advertise(1, "t");
  reader.subscribe(1, "t");
  const uint64_t connection = shake_hands(writer, reader);
  reader.say(GiveWakeFd{1}, {share(Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)))});
  EXPECT_EQ(writer.hear<TakeWakeFd>()->connection, connection);
  EXPECT_EQ(writer.fds.size(), 1u);
  late.advertise(1, "t");
  reader.say(Connected{reader.hear<Connect>()->connection, {}});
  EXPECT_TRUE(late.hear<Attach>());
  EXPECT_EQ(late.fds.size(), 1u);
}

TEST_F(Registries, take_nothing_to_wake_by_but_a_non_blocking_eventfd) {
  Process reader(registry, 10), writer(registry, 11);
  writer.advertise(1, "t");
  reader.subscribe(1, "t");
  shake_hands(writer, reader);
  int pipe_ends[2];
  ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
  const Fd reading(pipe_ends[0]);
  std::vector<SharedFd> wrong = {share(Fd(pipe_ends[1])), share(make_memory("wake")),
                                 share(Fd(::eventfd(0, EFD_CLOEXEC)))};
  for (const SharedFd& fd : wrong) {
    const auto answer = reader.ask(GiveWakeFd{1}, {fd});
    const auto* failure = std::get_if<Failure>(&answer);
    ASSERT_NE(failure, nullptr);
    EXPECT_EQ(failure->code, Code::invalid_argument);
    EXPECT_THAT(failure->message, HasSubstr("eventfd"));
  }
  EXPECT_FALSE(writer.hear<TakeWakeFd>()) << "publishers were given something that can hold them up";
}

TEST_F(Registries, ignore_answers_about_other_processes_connections) {
  Process reader(registry, 10), writer(registry, 11), stranger(registry, 12);
  writer.advertise(1, "t");
  reader.subscribe(1, "t");
  const uint64_t connection = shake_hands(writer, reader);
  stranger.say(ConnectionClosed{connection});
  stranger.say(Detached{connection});
  stranger.say(Connected{connection, Failure{Code::io, "no"}});
  stranger.say(ConnectionClosed{99});
  EXPECT_EQ(bus().connections.size(), 1u);
}

TEST_F(Registries, do_not_free_an_extent_that_is_on_its_way_again) {
  Process reader(registry, 10), writer(registry, 11);
  writer.advertise(1, "t");
  reader.subscribe(1, "t");
  const auto first = *reader.hear<Connect>();
  reader.subscribe(2, "t");
  const auto second = *reader.hear<Connect>();
  EXPECT_EQ(first.extent.id, second.extent.id);
  reader.say(ExtentUnmapped{first.extent.id, first.extent.ticket});  // sent before the second was seen
  const Publisher* publisher = bus().publishers.begin()->first;
  EXPECT_TRUE(publisher->extent.holders.contains(&reader.session()));
  reader.say(ExtentUnmapped{second.extent.id, second.extent.ticket});
  EXPECT_FALSE(publisher->extent.holders.contains(&reader.session()));
}

TEST_F(Registries, show_the_graph) {
  Process reader(registry, 10), writer(registry, 11);
  writer.advertise(1, "t", 2, schema('a'));
  reader.subscribe(1, "t");
  shake_hands(writer, reader);
  const auto graph = std::get<Graph>(reader.ask(AskGraph{}));
  EXPECT_EQ(graph.nodes.size(), 2u);
  ASSERT_EQ(graph.topics.size(), 1u);
  EXPECT_EQ(graph.topics[0].type_name, "x.capnp:A");
  EXPECT_EQ(graph.topics[0].ends.size(), 2u);
  ASSERT_EQ(graph.connections.size(), 1u);
  EXPECT_EQ(graph.connections[0].publisher_id, 1001u);
}

TEST_F(Registries, tell_watchers_what_happens) {
  Process watcher(registry, 10);
  watcher.say(SetWatch{true});
  Process writer(registry, 11);
  writer.advertise(1, "t");
  writer.die();
  std::vector<std::string> events;
  while (const auto event = watcher.hear<GraphEvent>()) events.push_back(event->event);
  EXPECT_THAT(events, testing::ElementsAre("node_added", "publisher_added", "publisher_removed", "node_removed"));
}

TEST_F(Registries, count_slots_in_the_counter_file) {
  Process writer(registry, 11);
  const Placed placed = writer.advertise(1, "t", 0, schema('a'));
  const bus::StatSlot& slot = bus().stat.file().slot(placed.stat_slot);
  EXPECT_EQ(slot.generation.load() % 2, 1u);
  EXPECT_STREQ(slot.topic, "t");
  EXPECT_STREQ(slot.type_name, "x.capnp:A");
  EXPECT_EQ(slot.end_id, 1001u);
  writer.die();
  EXPECT_EQ(slot.generation.load() % 2, 0u);
}

TEST_F(Registries, refuse_more_topics_than_the_bus_has_room_for) {
  Process one(registry, 10);
  for (uint64_t i = 0; i < bus::kTopicsMax; ++i) one.subscribe(i + 1, "t" + std::to_string(i));
  std::string message;
  EXPECT_EQ(code_of([&] { one.subscribe(9999, "one-more"); }, &message), Code::limit);
  EXPECT_THAT(message, HasSubstr(std::to_string(bus::kTopicsMax)));
}

TEST_F(Registries, refuse_what_is_out_of_bounds_and_change_nothing) {
  Process one(registry, 10);
  EXPECT_EQ(code_of([&] { one.advertise(1, "bad//topic"); }), Code::invalid_topic);
  EXPECT_EQ(code_of([&] { one.advertise(1, "t", bus::kHistoryMax + 1); }), Code::limit);
  auto body = one.ask(Advertise{.end = 1,
                                .node = 1,
                                .topic = "t",
                                .publisher_id = 1,
                                .schema = {},
                                .history = 0,
                                .exclusive = false,
                                .quota_bytes = 1ull << 60});
  EXPECT_EQ(std::get<Failure>(body).code, Code::too_large);
  body = one.ask(
      Subscribe{.end = 1, .node = 1, .topic = "t", .subscriber_id = 1, .schema = {}, .queue_depth = 0, .history = 0});
  EXPECT_EQ(std::get<Failure>(body).code, Code::limit);
  body = one.ask(
      Subscribe{.end = 1, .node = 77, .topic = "t", .subscriber_id = 1, .schema = {}, .queue_depth = 1, .history = 0});
  EXPECT_EQ(std::get<Failure>(body).code, Code::closed);
  expect_nothing_left();
}

}  // namespace
}  // namespace polybus::registry

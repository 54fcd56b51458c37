// The registry with processes that the test plays: who is told what, and when memory is free again.
#include "discovery/registry/registry.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>

#include "bus/transport/layout.hpp"
#include "discovery/registry/kept_values.hpp"
#include "tests/unit/discovery/busd_process.hpp"
#include "tests/unit/discovery/registry_fixture.hpp"

namespace polybus::registry {
namespace {

using namespace discovery;
using namespace testing_support;
using testing::HasSubstr;

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

TEST_F(Registries,
       give_the_place_of_a_killed_publisher_away_before_they_hear_of_its_death_but_not_that_of_a_stopped_one) {
  discovery::testing_support::Child real([]() -> int {
    for (;;) ::pause();
  });
  const auto pid = static_cast<uint32_t>(real.pid());
  Process holder(registry, pid), heir(registry, 11);
  holder.advertise(1, "t", 0, {}, true);
  real.signal(SIGSTOP);
  EXPECT_EQ(code_of([&] { heir.advertise(1, "t", 0, {}, true); }), Code::exclusive);
  real.signal(SIGKILL);
  heir.advertise(1, "t", 0, {}, true);
  EXPECT_EQ(bus().topics.at("t")->publishers.size(), 2U) << "its memory is free though it may not be dead yet";
  holder.die();
  EXPECT_EQ(bus().topics.at("t")->publishers.size(), 1U);
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
  body = one.ask(Subscribe{.end = 1,
                           .node = 1,
                           .topic = "t",
                           .subscriber_id = 1,
                           .schema = {},
                           .queue_depth = bus::kQueueMax + 1,
                           .history = 0});
  EXPECT_EQ(std::get<Failure>(body).code, Code::limit);
  body = one.ask(
      Subscribe{.end = 1, .node = 77, .topic = "t", .subscriber_id = 1, .schema = {}, .queue_depth = 1, .history = 0});
  EXPECT_EQ(std::get<Failure>(body).code, Code::closed);
  expect_nothing_left();
}

}  // namespace
}  // namespace polybus::registry

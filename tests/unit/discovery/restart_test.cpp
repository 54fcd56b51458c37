// busd is killed, stopped and started again under its clients.
#include <gmock/gmock.h>

#include "tests/unit/discovery/busd_count.hpp"
#include "tests/unit/discovery/busd_process.hpp"

namespace polybus::discovery {
namespace {

using namespace testing_support;

// More than the first pool of a publisher has chunks, so that each chunk that is free is used again.
constexpr int kMoreThanThereAreChunks = 1000;

class Restarts : public BusdTest {
 protected:
  // What a program has been told of busd so far.
  static std::vector<std::string> registry_events(Watch& watch) {
    std::vector<std::string> events;
    bool interrupted = false;
    while (const auto event = watch.next(0ns, &interrupted))
      if (event->event.starts_with("registry_")) events.push_back(event->event);
    return events;
  }
  static void use_every_chunk(PublisherEnd& publisher, SubscriberEnd& subscriber) {
    for (int i = 0; i < kMoreThanThereAreChunks; ++i) {
      send(publisher, "other");
      EXPECT_EQ(receive(subscriber), "other");
    }
  }
};

TEST_F(Restarts, data_flows_on_while_busd_is_away_and_after_it_is_back) {
  const auto member = join("reader");
  const auto subscriber = member.subscriber("t", 1024);
  Signal ready;
  Child writer([&] {
    const auto other = join("writer");
    const auto publisher = other.publisher("t");
    if (!publisher->port().wait_for_subscribers(1, 10s)) return 1;
    ready.give();
    for (int i = 0; i < 600; ++i) {
      send(*publisher, std::to_string(i));
      ::usleep(2000);
    }
    return 0;
  });
  ready.await();
  const auto watch = member.session->watch();
  uint64_t received = 0;
  const auto drain = [&] {
    while (subscriber->port().take() != nullptr) ++received;
  };
  const auto receive_more = [&] {
    const uint64_t before = received;
    return eventually([&] {
      drain();
      return received > before + 20;
    });
  };
  EXPECT_TRUE(receive_more());
  kill_busd();
  EXPECT_TRUE(eventually([&] { return !member.session->connected(); }));
  EXPECT_TRUE(receive_more());  // nobody is there
  start_busd();
  EXPECT_TRUE(eventually([&] { return member.session->connected(); }));
  EXPECT_TRUE(eventually([&] { return member.session->graph().connections.size() == 1; }));
  EXPECT_TRUE(receive_more());
  EXPECT_EQ(writer.wait(), 0);
  EXPECT_TRUE(eventually([&] {
    drain();
    return received + subscriber->port().lost() == 600;
  })) << received
      << " received, " << subscriber->port().lost() << " lost";
  EXPECT_THAT(registry_events(*watch), testing::ElementsAre("registry_lost", "registry_back"));
}

TEST_F(Restarts, held_samples_and_kept_values_survive) {
  const auto member = join();
  const auto publisher = member.publisher("t", 1);
  const auto subscriber = member.subscriber("t");
  const auto take_held = [&](const std::string& text) {
    send(*publisher, text);
    EXPECT_EQ(subscriber->port().wait(kPatience), bus::Waited::ready);
    return subscriber->port().take();
  };
  const bus::Sample first = take_held("first");
  kill_busd();
  use_every_chunk(*publisher, *subscriber);  // of the memory that the sample lies in
  EXPECT_EQ(text_of(first), "first");
  const bus::Sample value = take_held("value");
  start_busd();
  ASSERT_TRUE(eventually([&] { return member.session->connected(); }));
  ASSERT_TRUE(eventually([&] { return member.session->graph().connections.size() == 1; }));
  const auto late = member.subscriber("t");
  EXPECT_EQ(receive(*late), "value");
  EXPECT_EQ(receive(*subscriber, 50ms), "(nothing)");  // it had that one
  use_every_chunk(*publisher, *subscriber);            // of the new memory
  EXPECT_EQ(text_of(first), "first");
  EXPECT_EQ(text_of(value), "value");
  EXPECT_EQ(subscriber->port().lost(), 0U);
}

TEST_F(Restarts, sequence_and_publisher_id_carry_on) {
  const auto member = join();
  const auto publisher = member.publisher("t");
  const auto subscriber = member.subscriber("t");
  EXPECT_EQ(send(*publisher, "one"), 1u);
  EXPECT_EQ(receive(*subscriber), "one");
  const uint64_t id = publisher->port().config().publisher_id;
  kill_busd();
  start_busd();
  ASSERT_TRUE(eventually([&] { return member.session->graph().connections.size() == 1; }));
  EXPECT_EQ(send(*publisher, "two"), 2u);
  ASSERT_EQ(subscriber->port().wait(kPatience), bus::Waited::ready);
  const auto sample = subscriber->port().take();
  EXPECT_EQ(sample->header().publisher_id, id);
  EXPECT_EQ(sample->header().sequence, 2u);
}

TEST_F(Restarts, operations_wait_for_busd_to_be_back) {
  const auto member = join();
  kill_busd();
  ASSERT_TRUE(eventually([&] { return !member.session->connected(); }));
  std::shared_ptr<PublisherEnd> publisher;
  std::thread impatient([&] { publisher = member.publisher("t"); });
  ::usleep(100'000);  // likely while it waits; right also if it does not yet
  start_busd();       // not by a thread that ends: busd would end with it
  impatient.join();
  EXPECT_EQ(member.session->graph().topics.size(), 1u);
}

TEST_F(Restarts, operations_say_disconnected_when_busd_stays_away) {
  ConnectOptions impatient = options();
  impatient.timeout = 200ms;
  const auto session = Session::join(impatient);
  kill_busd();
  ASSERT_TRUE(eventually([&] { return !session->connected(); }));
  for (int i = 0; i < 2; ++i) {
    try {
      session->graph();
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Code::disconnected);
    }
  }
}

TEST_F(Restarts, ends_closed_meanwhile_do_not_come_back) {
  const auto member = join();
  auto publisher = member.publisher("gone");
  const auto kept = member.publisher("stays");
  kill_busd();
  ASSERT_TRUE(eventually([&] { return !member.session->connected(); }));
  publisher->close();
  publisher.reset();
  start_busd();
  ASSERT_TRUE(eventually([&] { return member.session->connected() && member.session->graph().topics.size() == 1; }));
  EXPECT_EQ(member.session->graph().topics.at(0).topic, "stays");
}

TEST_F(Restarts, an_orderly_end_of_busd_is_no_different) {
  const auto member = join();
  const auto publisher = member.publisher("t");
  const auto subscriber = member.subscriber("t");
  const auto watch = member.session->watch();
  stop_busd();
  ASSERT_TRUE(eventually([&] { return !member.session->connected(); }));
  send(*publisher, "meanwhile");
  EXPECT_EQ(receive(*subscriber), "meanwhile");
  start_busd();
  ASSERT_TRUE(eventually([&] { return member.session->connected(); }));
  ASSERT_TRUE(eventually([&] { return member.session->graph().connections.size() == 1; }));
  send(*publisher, "after");
  EXPECT_EQ(receive(*subscriber), "after");
  EXPECT_THAT(registry_events(*watch), testing::ElementsAre("registry_lost", "registry_back"));

  Signal ready;
  Child newcomer([&] {
    const auto other = join("newcomer");
    const auto hears = other.subscriber("t");
    const auto says = other.publisher("t");
    ready.give();
    if (receive(*hears) != "to both") return 1;
    send(*says, "from the newcomer");
    return receive(*hears) == "from the newcomer" ? 0 : 2;
  });
  ready.await();
  send(*publisher, "to both");
  EXPECT_EQ(receive(*subscriber), "to both");
  EXPECT_EQ(receive(*subscriber), "from the newcomer");
  EXPECT_EQ(newcomer.wait(), 0);
  EXPECT_EQ(subscriber->port().lost(), 0U);
}

TEST_F(Restarts, many_in_a_row_leave_nothing_behind_in_the_process) {
  const auto member = join();
  const auto publisher = member.publisher("t", 1);
  const auto subscriber = member.subscriber("t");
  const auto count = [](const char* what) {
    const auto entries = std::filesystem::directory_iterator(std::string("/proc/self/") + what);
    return std::distance(begin(entries), end(entries));
  };
  long fds = 0, threads = 0;
  for (int i = 0; i < 12; ++i) {
    kill_busd();
    start_busd();
    ASSERT_TRUE(
        eventually([&] { return member.session->connected() && member.session->graph().connections.size() == 1; }));
    send(*publisher, "x");
    EXPECT_EQ(receive(*subscriber), "x");
    if (i == 2) fds = count("fd"), threads = count("task");
  }
  EXPECT_LE(count("fd"), fds);
  EXPECT_LE(count("task"), threads);
}

TEST_F(Restarts, the_client_restarts_busd_itself_where_it_may) {
  const Environment program("POLYBUS_BUSD", POLYBUS_TEST_BUSD);
  const auto member = join("self-help", true);
  const auto publisher = member.publisher("t");
  kill_busd();
  ASSERT_TRUE(eventually([&] { return !member.session->connected(); }));
  ASSERT_TRUE(eventually([&] { return member.session->connected(); }));
  ASSERT_TRUE(eventually([&] { return member.session->graph().topics.size() == 1; }));
  ::kill(static_cast<pid_t>(member.session->graph().busd_pid), SIGTERM);
}

TEST_F(Restarts, clients_that_race_to_start_a_new_busd_end_with_one) {
  const Environment program("POLYBUS_BUSD", POLYBUS_TEST_BUSD);
  std::vector<std::unique_ptr<Child>> racers;
  Signal ready, leave;
  for (int i = 0; i < 4; ++i)
    racers.push_back(std::make_unique<Child>([&] {
      const auto racer = join("racer", true);
      const auto publisher = racer.publisher("t");
      ready.give();
      leave.await();
      return 0;
    }));
  const auto member = join("referee", true);
  for (int i = 0; i < 4; ++i) ready.await();
  const auto killed = static_cast<pid_t>(member.session->graph().busd_pid);
  kill_busd();  // all notice at the same moment
  ASSERT_TRUE(eventually([&] { return !member.session->connected(); }));
  ASSERT_TRUE(eventually([&] { return member.session->connected(); }));
  EXPECT_TRUE(eventually([&] { return member.session->graph().topics.size() == 1; }));
  EXPECT_TRUE(eventually([&] { return member.session->graph().nodes.size() == 5; })) << "they are on different buses";
  const auto pid = static_cast<pid_t>(member.session->graph().busd_pid);
  EXPECT_NE(pid, killed);
  EXPECT_TRUE(eventually([&] { return count_busds_on(socket) == 1; })) << count_busds_on(socket) << " of them are left";
  for (int i = 0; i < 4; ++i) leave.give();
  for (auto& racer : racers) EXPECT_EQ(racer->wait(), 0);
  ::kill(pid, SIGTERM);
}

}  // namespace
}  // namespace polybus::discovery

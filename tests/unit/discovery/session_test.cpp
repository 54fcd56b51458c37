// Processes on a bus with a real busd: they meet, exchange, part and die.
#include "discovery/client/session.hpp"

#include <gmock/gmock.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <fstream>
#include <set>

#include "tests/unit/discovery/busd_process.hpp"

namespace polybus::discovery {
namespace {

using namespace testing_support;
using testing::HasSubstr;

class Sessions : public BusdTest {};

TEST_F(Sessions, of_one_process_are_one) {
  const auto one = Session::join(options());
  const auto two = Session::join(options());
  EXPECT_EQ(one, two);
  EXPECT_EQ(one->bus(), "test");
  EXPECT_TRUE(one->connected());
}

TEST_F(Sessions, found_by_another_path_are_still_one) {
  const auto one = Session::join(options());
  ASSERT_EQ(::symlink(socket.c_str(), (folder / "other.sock").c_str()), 0);
  ConnectOptions other = options();
  other.socket_path = folder / "other.sock";
  EXPECT_EQ(Session::join(other), one);
  EXPECT_TRUE(eventually([&] { return one->graph().nodes.empty(); }));
}

TEST_F(Sessions, move_bytes_within_a_process) {
  const auto member = join();
  const auto subscriber = member.subscriber("t");
  const auto publisher = member.publisher("t");
  EXPECT_EQ(send(*publisher, "hello"), 1u);
  EXPECT_EQ(receive(*subscriber), "hello");
}

TEST_F(Sessions, move_bytes_between_processes) {
  const auto member = join("reader");
  const auto subscriber = member.subscriber("t");
  Child writer([&] {
    const auto other = join("writer");
    const auto publisher = other.publisher("t");
    send(*publisher, "from afar");
    return 0;
  });
  EXPECT_EQ(receive(*subscriber), "from afar");
  EXPECT_EQ(writer.wait(), 0);
}

TEST_F(Sessions, miss_nothing_that_is_sent_after_subscriber_returned) {
  const auto member = join("reader");
  Signal ready, go;
  Child writer([&] {
    const auto other = join("writer");
    const auto publisher = other.publisher("t");
    ready.give();
    go.await();
    for (int i = 0; i < 10; ++i) send(*publisher, std::to_string(i));
    return 0;
  });
  ready.await();
  const auto subscriber = member.subscriber("t");
  go.give();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(receive(*subscriber), std::to_string(i));
  EXPECT_EQ(subscriber->port().lost(), 0u);
}

TEST_F(Sessions, serve_kept_values_of_the_living_and_the_dead) {
  Child writer([&] {
    const auto other = join("writer");
    const auto publisher = other.publisher("t", 2);
    for (const char* text : {"one", "two", "three"}) send(*publisher, text);
    return 0;  // dies without a word
  });
  EXPECT_EQ(writer.wait(), 0);
  const auto member = join("reader");
  ASSERT_TRUE(eventually([&] { return member.session->graph().nodes.size() == 1; }));
  EXPECT_EQ(member.session->graph().topics.at(0).kept_values, 2u);
  const auto subscriber = member.subscriber("t");
  EXPECT_EQ(receive(*subscriber), "two");
  EXPECT_EQ(receive(*subscriber), "three");

  const auto publisher = member.publisher("t", 2);
  send(*publisher, "four");
  const auto second = member.subscriber("t");
  // One of each publisher; the order between publishers is open.
  const std::set<std::string> values = {receive(*second), receive(*second)};
  EXPECT_EQ(values, (std::set<std::string>{"three", "four"}));
  EXPECT_EQ(receive(*second, 0ms), "(nothing)");
}

TEST_F(Sessions, serve_kept_values_at_once) {
  const auto member = join();
  const auto publisher = member.publisher("t", 1);
  send(*publisher, "value");
  const auto subscriber = member.subscriber("t");
  EXPECT_EQ(text_of(subscriber->port().take()), "value");  // without waiting
  publisher->close();
  const auto late = member.subscriber("t");
  EXPECT_EQ(text_of(late->port().take()), "value");
}

TEST_F(Sessions, drop_kept_values_that_newer_ones_replace) {
  const auto member = join();
  for (int i = 0; i < 5; ++i) {
    const auto publisher = member.publisher("t", 1);
    send(*publisher, std::to_string(i));
    publisher->close();
  }
  const auto graph = member.session->graph();
  EXPECT_EQ(graph.topics.at(0).kept_values, 1u);
  const auto subscriber = member.subscriber("t");
  EXPECT_EQ(receive(*subscriber), "4");
  EXPECT_EQ(receive(*subscriber, 0ms), "(nothing)");
}

TEST_F(Sessions, keep_held_samples_readable_when_everything_else_is_closed) {
  bus::Sample sample;
  {
    const auto member = join();
    const auto subscriber = member.subscriber("t");
    const auto publisher = member.publisher("t");
    send(*publisher, "held");
    ASSERT_EQ(subscriber->port().wait(kPatience), bus::Waited::ready);
    sample = subscriber->port().take();
  }
  {
    // Others must not get the memory of the connection it came by.
    const auto member = join();
    const auto subscriber = member.subscriber("t");
    const auto publisher = member.publisher("t");
    for (int i = 0; i < 100; ++i) send(*publisher, "overwritten?");
    EXPECT_EQ(text_of(sample), "held");
    sample.reset();
    EXPECT_EQ(receive(*subscriber), "overwritten?");
  }
}

TEST_F(Sessions, go_on_when_a_subscriber_is_killed_while_it_holds_samples) {
  const auto member = join("writer");
  const auto publisher = member.publisher("t");
  for (int round = 0; round < 5; ++round) {
    Signal holding;
    Child reader([&] {
      const auto other = join("reader");
      const auto subscriber = other.subscriber("t");
      holding.give();
      std::vector<bus::Sample> held;
      for (;;) {
        subscriber->port().wait(-1ns);
        if (held.size() < 100) held.push_back(subscriber->port().take());
      }
      return 0;
    });
    holding.await();
    ASSERT_TRUE(publisher->port().wait_for_subscribers(1, 10s));
    for (int i = 0; i < 1000; ++i) send(*publisher, std::string(1000, 'x'));
    reader.end(SIGKILL);
    ASSERT_TRUE(eventually([&] { return publisher->port().subscribers() == 0; }));
  }
  EXPECT_TRUE(eventually([&] { return member.session->graph().connections.empty(); }));
}

TEST_F(Sessions, wake_a_sleeping_subscriber_when_its_publisher_is_killed) {
  const auto member = join("reader");
  const auto subscriber = member.subscriber("t");
  Signal sent;
  Child writer([&] {
    const auto other = join("writer");
    const auto publisher = other.publisher("t");
    send(*publisher, "last words");
    sent.give();
    ::pause();
    return 0;
  });
  sent.await();
  EXPECT_EQ(receive(*subscriber), "last words");
  writer.end(SIGKILL);
  EXPECT_TRUE(eventually([&] { return subscriber->port().publishers() == 0; }));
}

TEST_F(Sessions, do_not_wait_long_for_a_stopped_process) {
  Signal ready;
  Child stopped([&] {
    const auto other = join("stopped");
    const auto subscriber = other.subscriber("t");
    ready.give();
    for (int got = 0; got < 3;)
      if (subscriber->port().wait(-1ns) == bus::Waited::ready && subscriber->port().take() != nullptr) ++got;
    return 0;
  });
  ready.await();
  const auto member = join("writer");
  const auto first = member.publisher("t");
  send(*first, "a");
  stopped.signal(SIGSTOP);
  const auto second = member.publisher("t", 1);
  send(*second, "b");  // kept until it can be told
  const auto begin = Clock::now();
  for (int i = 0; i < 10; ++i) member.publisher("t")->close();
  EXPECT_LT(Clock::now() - begin, 1s);  // a stopped process is waited for once, not each time
  send(*first, "c");
  stopped.signal(SIGCONT);
  EXPECT_EQ(stopped.wait(), 0);
}

TEST_F(Sessions, give_a_descriptor_that_is_readable_while_messages_wait) {
  const auto member = join("reader");
  const auto subscriber = member.subscriber("t");
  Child writer([&] {
    const auto other = join("writer");
    const auto publisher = other.publisher("t");
    if (!publisher->port().wait_for_subscribers(1, 10s)) return 1;
    for (int i = 0; i < 3; ++i) {
      ::usleep(20'000);
      send(*publisher, std::to_string(i));
    }
    ::usleep(200'000);
    return 0;
  });
  pollfd wait{subscriber->fd(), POLLIN, 0};
  for (int got = 0; got < 3;) {
    ASSERT_EQ(::poll(&wait, 1, 20'000), 1);
    while (subscriber->port().take() != nullptr) ++got;
  }
  EXPECT_EQ(::poll(&wait, 1, 0), 0);
  EXPECT_EQ(writer.wait(), 0);
}

TEST_F(Sessions, report_what_busd_refuses) {
  const auto member = join();
  const auto exclusive = member.session->advertise(
      member.node, {.topic = "t", .schema = {}, .history = 0, .exclusive = true, .quota_bytes = 0});
  try {
    member.publisher("t");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::exclusive);
    EXPECT_THAT(e.what(), HasSubstr("node node"));
  }
}

TEST_F(Sessions, watch_the_graph) {
  const auto member = join();
  const auto watch = member.session->watch();
  bool interrupted = true;
  EXPECT_FALSE(watch->next(0ns, &interrupted));
  EXPECT_FALSE(interrupted);
  const auto publisher = member.publisher("t");
  const auto event = watch->next(kPatience, &interrupted);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->event, "publisher_added");
  EXPECT_EQ(event->topic, "t");
  watch->close();
  EXPECT_THROW(watch->next(0ns, &interrupted), Error);
}

TEST_F(Sessions, time_out_when_busd_is_stopped_and_go_on_when_it_continues) {
  ConnectOptions short_patience = options();
  short_patience.timeout = 300ms;
  const auto session = Session::join(short_patience);
  const auto node = session->add_node("n", "c++");
  const auto publisher =
      session->advertise(node, {.topic = "t", .schema = {}, .history = 0, .exclusive = false, .quota_bytes = 0});
  busd_->signal(SIGSTOP);
  try {
    session->graph();
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::timeout);
  }
  send(*publisher, "data does not need busd");
  EXPECT_THROW(
      session->advertise(node, {.topic = "u", .schema = {}, .history = 0, .exclusive = false, .quota_bytes = 0}),
      Error);
  busd_->signal(SIGCONT);
  // The publisher that came too late is not left behind.
  EXPECT_TRUE(eventually([&] { return session->graph().topics.size() == 1; }));
}

TEST_F(Sessions, keep_a_schema_that_comes_when_nobody_waits_for_it_any_more) {
  const auto owner = join("owner");
  std::ofstream(folder / "x.capnp") << "@0xb0e1c2d3a4f59802;\nstruct X { v @0 :UInt8; }";
  const Schema schema = Schema::parse_file(folder / "x.capnp").at("X");
  const auto publisher = owner.session->advertise(
      owner.node, {.topic = "t", .schema = schema, .history = 0, .exclusive = false, .quota_bytes = 0});
  ConnectOptions short_patience = options();
  short_patience.timeout = 300ms;
  Child stranger([&] {  // a process of its own, which has no schema yet
    const auto session = Session::join(short_patience);
    busd_->signal(SIGSTOP);
    try {
      session->topic_schema("t");
      return 1;
    } catch (const Error& e) {
      if (e.code() != Code::timeout) return 2;
    }
    busd_->signal(SIGCONT);
    std::optional<Schema> found;
    // busd answers the first question, to which nobody listens, before the second one.
    const bool has_come = eventually([&] {
      try {
        found = session->topic_schema("t");
        return true;
      } catch (const Error&) {
        return false;
      }
    });
    return has_come && found && *found == schema ? 0 : 3;
  });
  EXPECT_EQ(stranger.wait(), 0);
}

TEST_F(Sessions, refuse_a_socket_that_serves_another_bus) {
  ConnectOptions other = options();
  other.bus = "another";
  try {
    Session::join(other);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::invalid_argument);
    EXPECT_THAT(e.what(), HasSubstr("another"));
    EXPECT_THAT(e.what(), HasSubstr("bus test"));
  }
}

TEST_F(Sessions, in_a_forked_child_say_so_and_leave_the_parent_alone) {
  const auto member = join("parent");
  const auto subscriber = member.subscriber("t");
  const auto publisher = member.publisher("t");
  Child child([&] {
    int wrong = 0;
    const auto forked = [&](const std::function<void()>& call) {
      try {
        call();
        ++wrong;
      } catch (const Error& e) {
        if (e.code() != Code::forked) ++wrong;
      }
    };
    forked([&] { member.session->graph(); });
    forked([&] { member.publisher("x"); });
    forked([&] { member.subscriber("x"); });
    forked([&] { member.session->watch(); });
    forked([&] { subscriber->fd(); });
    publisher->close();
    subscriber->close();
    member.session->remove_node(member.node);
    const auto own = join("child");
    if (own.session == member.session) ++wrong;
    const auto hears = own.subscriber("back");
    send(*own.publisher("forth", 1), "from the child");
    if (receive(*hears) != "from the parent") ++wrong;
    return wrong;
  });
  const auto forth = member.subscriber("forth");
  const auto back = member.publisher("back", 1);
  send(*back, "from the parent");
  EXPECT_EQ(receive(*forth), "from the child");
  EXPECT_EQ(child.wait(), 0);
  send(*publisher, "still here");
  EXPECT_EQ(receive(*subscriber), "still here");
}

TEST_F(Sessions, notice_a_death_although_a_forked_child_lives_on) {
  const auto member = join("watcher");
  Signal ready;
  std::array<int, 2> life{};  // the grandchild ends when the test closes its end
  ASSERT_EQ(::pipe(life.data()), 0);
  const Fd reading(life[0]);
  const Fd writing(life[1]);
  Child parent([&] {
    const auto other = join("parent");
    const auto publisher = other.publisher("t");
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      ::close(life[1]);
      char nothing = 0;
      [[maybe_unused]] const ssize_t ended = ::read(life[0], &nothing, 1);
      ::_exit(0);
    }
    ready.give();
    ::pause();
    return 0;
  });
  ready.await();
  ASSERT_EQ(member.session->graph().nodes.size(), 2u);
  parent.end(SIGKILL);
  EXPECT_TRUE(eventually([&] { return member.session->graph().nodes.size() == 1; }));
}

TEST_F(Sessions, of_many_threads_do_not_disturb_each_other) {
  std::vector<std::thread> threads;
  std::atomic<int> received{0};
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const auto member = join("thread");
        const std::string topic = "t" + std::to_string(t);
        const auto subscriber = member.subscriber(topic);
        const auto publisher = member.publisher(topic);
        send(*publisher, "x");
        if (receive(*subscriber) == "x") ++received;
        member.session->remove_node(member.node);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(received, 80);
}

TEST_F(Sessions, leave_nothing_behind_in_busd) {
  const auto watcher = join("watcher");
  const auto count_fds = [&] {
    const auto entries = std::filesystem::directory_iterator("/proc/" + std::to_string(busd_->pid()) + "/fd");
    return std::distance(begin(entries), end(entries));
  };
  const auto before = count_fds();
  for (int i = 0; i < 30; ++i) {
    Child other([&] {
      const auto member = join("other");
      const auto subscriber = member.subscriber("t");
      const auto publisher = member.publisher("t", 1);
      send(*publisher, "x");
      receive(*subscriber);
      return 0;
    });
    if (i % 2 == 0) {
      EXPECT_EQ(other.wait(), 0);
    } else {
      ::usleep(static_cast<useconds_t>(i) * 300);
      other.end(SIGKILL);
    }
  }
  ASSERT_TRUE(eventually([&] { return watcher.session->graph().nodes.size() == 1; }));
  // At most the extent of one value that is kept.
  EXPECT_TRUE(eventually([&] { return count_fds() <= before + 1; })) << before << " before, now " << count_fds();
}

}  // namespace
}  // namespace polybus::discovery

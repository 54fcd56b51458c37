// The bounds of docs/limits.md that a process keeps by itself.
#include <gmock/gmock.h>

#include <polybus/error.hpp>
#include <vector>

#include "tests/unit/discovery/busd_process.hpp"

namespace polybus::discovery {
namespace {

using namespace testing_support;
using testing::HasSubstr;

class ClientLimits : public BusdTest {};

TEST_F(ClientLimits, let_a_process_be_on_32_buses_and_say_so_at_the_next) {
  std::vector<std::unique_ptr<Child>> busds;
  std::vector<std::shared_ptr<Session>> sessions;
  const auto join_bus = [&](int i) {
    const std::string bus = "bus" + std::to_string(i), path = folder / (bus + ".sock");
    busds.push_back(std::make_unique<Child>([&] {
      ::execl(POLYBUS_TEST_BUSD, "busd", "--bus", bus.c_str(), "--socket", path.c_str(), nullptr);
      return 127;
    }));
    EXPECT_TRUE(eventually([&] {
      Fd probe;
      return connect_unix(path, &probe) == Reached::yes;
    }));
    ConnectOptions options;
    options.bus = bus;
    options.socket_path = path;
    options.autostart = false;
    sessions.push_back(Session::join(options));
  };
  for (int i = 0; i < 32; ++i)
    join_bus(i);  // their windows together are more than there are addresses: each asks for less
  try {
    join_bus(32);
    ADD_FAILURE() << "a process on 33 buses";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::limit);
    EXPECT_THAT(error.what(), HasSubstr("on 32 buses"));
  }
  sessions.pop_back();
  EXPECT_TRUE(eventually([&] {  // one was left, one may come
    try {
      sessions.push_back(Session::join(options()));
      return true;
    } catch (const Error&) {
      return false;
    }
  }));
}

TEST_F(ClientLimits, drop_the_oldest_events_of_a_watch_that_nobody_reads_and_tell) {
  const auto session = Session::join(options());
  const auto watch = session->watch();
  const auto other = session->watch();  // is told of each event after that one
  for (int i = 0; i < 2500; ++i) session->remove_node(session->add_node("n" + std::to_string(i), "test"));
  while (const auto event = other->next(kPatience, nullptr))
    if (event->event == "node_removed" && event->node == "n2499") break;
  const auto first = watch->next(0ns, nullptr);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->event, "events_lost");
  uint64_t after = 0;
  std::string last;
  while (const auto event = watch->next(0ns, nullptr)) {
    EXPECT_NE(event->event, "events_lost");
    last = event->node;
    ++after;
  }
  EXPECT_EQ(after, 4095U);
  EXPECT_EQ(last, "n2499");
}

TEST_F(ClientLimits, share_the_buss_memory_and_name_it_when_it_is_used_up) {
  stop_busd();
  const Environment little("POLYBUS_MEMORY", "2M");
  start_busd();
  const auto member = join();
  auto first = member.publisher("first"), second = member.publisher("second");
  std::vector<bus::Loan> loans;
  for (int i = 0; i < 3; ++i) loans.push_back(first->port().loan(400'000));
  try {
    for (int i = 0; i < 3; ++i) loans.push_back(second->port().loan(400'000));
    ADD_FAILURE() << "more memory than the bus may have";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::no_memory);
    EXPECT_THAT(error.what(), HasSubstr("2097152 bytes is used up by all publishers together"));
    EXPECT_THAT(error.what(), HasSubstr("POLYBUS_MEMORY"));
  }
  loans.clear();
  first.reset();  // what it had another one may have
  EXPECT_TRUE(eventually([&] {
    try {
      loans.push_back(second->port().loan(400'000));
    } catch (const Error&) {
      return false;
    }
    return loans.size() == 3;
  }));
}

}  // namespace
}  // namespace polybus::discovery

// The bounds of docs/limits.md that a process keeps by itself.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>

#include <fstream>
#include <polybus/error.hpp>
#include <vector>

#include "tests/unit/discovery/busd_process.hpp"
#include "tests/unit/memory/extent_fixture.hpp"
#include "tests/unit/sanitized.hpp"

namespace polybus::discovery {
namespace {

using namespace testing_support;
using polybus::testing_support::kIsSanitized;
using testing::HasSubstr;

class ClientLimits : public BusdTest {
 public:
  using BusdTest::Member;
};

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
  const Environment window("POLYBUS_WINDOW", kIsSanitized ? "8G" : nullptr);  // it has taken most addresses for itself
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

// ---- vm.max_map_count ------------------------------------------------------------------------------------------------

uint64_t mappings_max() {
  uint64_t count = 0;
  std::ifstream("/proc/sys/vm/max_map_count") >> count;
  return count;
}

// All mappings this process may have: pages by turns readable and not, which the kernel has to note one by one.
class FullMapTable {
 public:
  FullMapTable() : pages_(mappings_max() + 2) {
    base_ = static_cast<char*>(map(pages_ * kPage));
    edge_ = static_cast<char*>(map(2 * kPage));
    fill();
  }
  ~FullMapTable() {
    ::munmap(base_, pages_ * kPage);
    ::munmap(edge_, 2 * kPage);
  }
  FullMapTable(const FullMapTable&) = delete;
  FullMapTable& operator=(const FullMapTable&) = delete;

  // Also what has become free since.
  void fill() {
    while (next_ < pages_ && ::mprotect(base_ + next_ * kPage, kPage, PROT_READ) == 0) next_ += 2;
    ::mprotect(edge_, kPage, PROT_READ);  // one mapping more, where the other way takes two
  }

 private:
  static constexpr uint64_t kPage = 4096;
  static void* map(uint64_t bytes) {
    return ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }

  const uint64_t pages_;
  uint64_t next_ = 1;
  char *base_, *edge_;
};

// The message of the LIMIT that a publisher of a process with a full table gets. A thread of the library may have given
// a mapping back just then, so once more, with those that were made.
std::string refusal_of_a_publisher(const ClientLimits::Member& member, FullMapTable& table) {
  std::vector<std::shared_ptr<PublisherEnd>> made;
  for (int tries = 0; tries < 20; ++tries) {
    table.fill();
    try {
      made.push_back(member.publisher("own"));
    } catch (const Error& error) {
      return error.code() == Code::limit ? error.what() : "another code: " + std::string(error.what());
    }
  }
  return "no refusal";
}

// What this process and those that come from it meanwhile say goes into a file.
class StderrTo {
 public:
  explicit StderrTo(const std::string& path) : before_(::dup(STDERR_FILENO)) {
    const Fd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
    ::dup2(file.get(), STDERR_FILENO);
  }
  ~StderrTo() { ::dup2(before_.get(), STDERR_FILENO); }
  StderrTo(const StderrTo&) = delete;
  StderrTo& operator=(const StderrTo&) = delete;

 private:
  const Fd before_;
};

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(ClientLimits, name_vm_max_map_count_when_a_process_has_no_mapping_left_and_harm_nobody_else) {
  if (kIsSanitized) GTEST_SKIP() << "the sanitizer itself needs mappings";
  if (mappings_max() > 2'000'000) GTEST_SKIP() << "too many to use them all up";
  const std::string busds_log = folder / "busd.log", clients_log = folder / "client.log";
  stop_busd();
  {
    const StderrTo log(busds_log);
    start_busd();
  }
  const auto member = join();
  const auto early = member.publisher("shared");
  Signal is_full, other_came, is_through;
  Child crowded([&] {
    const auto self = join("crowded");
    const auto sub = self.subscriber("shared");
    const auto own = self.publisher("before");  // goes on to be used
    {
      FullMapTable table;
      const std::string refusal = refusal_of_a_publisher(self, table);
      if (refusal.find("sysctl vm.max_map_count") == std::string::npos) {
        std::fprintf(stderr, "refused with: %s\n", refusal.c_str());
        return 1;
      }
      send(*own, "x");
      const StderrTo log(clients_log);
      is_full.give();
      other_came.await();
      if (receive(*sub) != "from early") return 2;
    }
    const auto again = self.publisher("own");
    send(*again, "x");
    is_through.give();
    other_came.await();
    return receive(*sub) == "from early again" ? 0 : 3;
  });
  is_full.await();
  // What the full process cannot map it is not connected to; all others are, and it goes on hearing whom it heard.
  const auto listener = member.subscriber("shared");
  const auto late = member.publisher("shared");
  EXPECT_TRUE(eventually([&] { return late->port().subscribers() >= 1; }));
  send(*late, "from late");
  EXPECT_EQ(receive(*listener), "from late");
  send(*early, "from early");
  EXPECT_EQ(receive(*listener), "from early");
  other_came.give();
  is_through.await();
  send(*early, "from early again");
  other_came.give();
  EXPECT_EQ(crowded.wait(), 0);
  for (const std::string& log : {content_of(busds_log), content_of(clients_log)})
    EXPECT_THAT(log, HasSubstr("sysctl vm.max_map_count"));
}

}  // namespace
}  // namespace polybus::discovery

// No busd is there: the first client starts one, many at once start one, and what goes wrong is said.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>

#include <fstream>

#include "tests/unit/discovery/busd_count.hpp"
#include "tests/unit/discovery/busd_process.hpp"

namespace polybus::discovery {
namespace {

using namespace testing_support;
using testing::HasSubstr;

class Autostart : public BusdTest {
 protected:
  Autostart() : BusdTest(false) {}
  ~Autostart() override {
    // A busd that was started here would stay for 5 s.
    try {
      ::kill(static_cast<pid_t>(join().session->graph().busd_pid), SIGTERM);
      EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(files_beside(socket).lock); }));
    } catch (const Error&) {
    }
  }

  Error error_of(const ConnectOptions& with) {
    try {
      Session::join(with);
    } catch (const Error& e) {
      return e;
    }
    return Error(Code::ok, "");
  }

  const Environment program{"POLYBUS_BUSD", POLYBUS_TEST_BUSD};
};

TEST_F(Autostart, first_client_starts_busd) {
  const auto member = join("first", true);
  const auto subscriber = member.subscriber("t");
  send(*member.publisher("t", 1), "x");
  EXPECT_EQ(receive(*subscriber), "x");
  const auto pid = static_cast<pid_t>(member.session->graph().busd_pid);
  EXPECT_NE(::getsid(pid), ::getsid(0));  // a terminal's Ctrl-C is not for it
  EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/cwd"), "/");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // not our child
}

TEST_F(Autostart, busd_gets_nothing_of_the_starters) {
  const Environment secret("SECRET", "42");
  const int inherited = ::open("/dev/null", O_RDONLY);  // without CLOEXEC
  const auto member = join("first", true);
  const std::string pid = std::to_string(member.session->graph().busd_pid);
  std::ifstream environment("/proc/" + pid + "/environ");
  const std::string text((std::istreambuf_iterator<char>(environment)), {});
  EXPECT_THAT(text, testing::Not(HasSubstr("SECRET")));
  for (const auto& fd : std::filesystem::directory_iterator("/proc/" + pid + "/fd"))
    EXPECT_THAT(std::filesystem::read_symlink(fd.path()).string(), testing::Not(HasSubstr("pipe:")));
  ::close(inherited);
}

TEST_F(Autostart, many_at_once_end_with_one_busd) {
  std::vector<std::unique_ptr<Child>> children;
  Signal go, leave;
  for (int i = 0; i < 12; ++i)
    children.push_back(std::make_unique<Child>([&] {
      go.await();
      const auto member = join("racer", true);
      const auto publisher = member.publisher("t");
      leave.await();
      return 0;
    }));
  for (int i = 0; i < 12; ++i) go.give();
  {
    const auto member = join("referee", true);
    EXPECT_TRUE(eventually([&] { return member.session->graph().nodes.size() == 13; }));
    EXPECT_TRUE(eventually([&] { return count_busds_on(socket) == 1; }))
        << count_busds_on(socket) << " of them are left";
  }
  for (int i = 0; i < 12; ++i) leave.give();
  for (auto& child : children) EXPECT_EQ(child->wait(), 0);
}

TEST_F(Autostart, a_stopped_starter_blocks_nobody) {
  // Somebody holds the start lock and does not go on.
  const int lock = ::open(files_beside(socket).start_lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  const auto begin = Clock::now();
  EXPECT_TRUE(join("patient", true).session->connected());
  EXPECT_GT(Clock::now() - begin, 500ms);  // it did wait for him a little
  ::close(lock);
}

TEST_F(Autostart, what_a_dead_busd_left_is_no_obstacle) {
  start_busd();
  kill_busd();
  EXPECT_TRUE(std::filesystem::exists(socket));
  EXPECT_TRUE(join("next", true).session->connected());
}

TEST_F(Autostart, without_permission_is_an_error_at_once_that_says_what_was_tried) {
  const auto begin = Clock::now();
  const Error error = error_of(options(false));
  EXPECT_LT(Clock::now() - begin, 1s);
  EXPECT_EQ(error.code(), Code::no_bus);
  EXPECT_THAT(error.what(), HasSubstr(socket));
  EXPECT_THAT(error.what(), testing::Not(HasSubstr("POLYBUS_AUTOSTART"))) << "it was the program that said so";
  const Environment off("POLYBUS_AUTOSTART", "0");
  ConnectOptions by_environment = options();
  by_environment.autostart.reset();
  const Error environment_error = error_of(by_environment);
  EXPECT_EQ(environment_error.code(), Code::no_bus);
  EXPECT_THAT(environment_error.what(), HasSubstr("POLYBUS_AUTOSTART"));
}

TEST_F(Autostart, a_missing_busd_is_named) {
  const Environment other("POLYBUS_BUSD", "/no/such/busd");
  const Error error = error_of(options(true));
  EXPECT_EQ(error.code(), Code::no_bus);
  EXPECT_THAT(error.what(), HasSubstr("/no/such/busd"));
}

TEST_F(Autostart, a_busd_that_ends_at_once_is_reported) {
  const Environment other("POLYBUS_BUSD", "/bin/true");
  const Error error = error_of(options(true));
  EXPECT_EQ(error.code(), Code::no_bus);
  EXPECT_THAT(error.what(), HasSubstr("/bin/true"));
}

TEST_F(Autostart, a_start_that_fails_leaves_no_file) {
  {
    const Environment other("POLYBUS_BUSD", "/bin/true");
    error_of(options(true));
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  }
  const Environment nonsense("POLYBUS_MEMORY", "much");  // busd finds out when it listens already
  const Error error = error_of(options(true));
  EXPECT_EQ(error.code(), Code::invalid_argument);
  EXPECT_THAT(error.what(), HasSubstr("POLYBUS_MEMORY=much"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(Autostart, what_busd_says_is_passed_on) {
  std::ofstream(socket) << "precious";
  const Error error = error_of(options(true));
  EXPECT_EQ(error.code(), Code::io);
  EXPECT_THAT(error.what(), HasSubstr("is not a socket"));
  EXPECT_TRUE(std::filesystem::is_regular_file(socket));
  ConnectOptions nowhere = options(true);
  nowhere.socket_path = "/no/such/folder/test.sock";
  EXPECT_THAT(error_of(nowhere).what(), HasSubstr("/no/such/folder"));
}

TEST_F(Autostart, somebody_else_on_the_socket_is_not_taken_for_busd) {
  const Fd listener = listen_unix(socket);
  std::thread stranger([&] {
    pollfd caller{listener.get(), POLLIN, 0};
    ::poll(&caller, 1, -1);
    const Fd client(::accept(listener.get(), nullptr, nullptr));
    const std::string text(4096, 'z');
    [[maybe_unused]] const auto n = ::write(client.get(), text.data(), text.size());
  });
  EXPECT_EQ(error_of(options(true)).code(), Code::io);
  stranger.join();
}

TEST_F(Autostart, a_stopped_busd_is_a_timeout_and_not_a_second_busd) {
  start_busd();
  busd_->signal(SIGSTOP);
  ConnectOptions impatient = options(true);
  impatient.timeout = 300ms;
  const Error error = error_of(impatient);
  EXPECT_EQ(error.code(), Code::timeout);
  EXPECT_THAT(error.what(), HasSubstr("stopped"));
  busd_->signal(SIGCONT);
}

TEST_F(Autostart, idle_busd_ends_by_itself_and_takes_its_files_along) {
  start_busd({"--idle-exit", "1"});
  {
    const auto member = join("only");
    ::usleep(1'500'000);
    EXPECT_TRUE(member.session->connected());  // not while somebody is here
  }
  EXPECT_EQ(busd_->wait(), 0);
  busd_.reset();
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(Autostart, a_second_busd_is_refused_wherever_the_first_is) {
  const Environment none("POLYBUS_SOCKET", nullptr);
  const Folder runtime;
  const std::string bus = "second-" + std::to_string(::getpid());
  Child first([&] {
    ::setenv("XDG_RUNTIME_DIR", runtime.path().c_str(), 1);
    ::execl(POLYBUS_TEST_BUSD, "busd", "--bus", bus.c_str(), nullptr);
    return 127;
  });
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(runtime / ("polybus/" + bus + ".sock")); }));
  const Environment variable("XDG_RUNTIME_DIR", runtime.path());
  Child second([&] {
    ::execl(POLYBUS_TEST_BUSD, "busd", "--bus", bus.c_str(), nullptr);
    return 127;
  });
  EXPECT_EQ(second.wait(), 1);
  EXPECT_EQ(first.end(SIGTERM), 0);
}

TEST_F(Autostart, begins_a_log_of_more_than_1_MiB_anew) {
  const std::string log = files_beside(socket).log;
  std::ofstream(log) << std::string((1 << 20) + 1, 'x');
  const auto member = join("first", true);
  EXPECT_LT(std::filesystem::file_size(log), 1U << 20);
}

}  // namespace
}  // namespace polybus::discovery

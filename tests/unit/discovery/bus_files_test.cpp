// Where the socket of a bus is looked for, and where it is made.
#include "discovery/protocol/bus_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <polybus/error.hpp>

#include "tests/unit/discovery/folder.hpp"

namespace polybus::discovery {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::Environment;
using testing_support::Folder;

TEST(BusFiles, lie_beside_the_socket) {
  const BusFiles files = files_beside("/run/x/default.sock");
  EXPECT_EQ(files.lock, "/run/x/default.lock");
  EXPECT_EQ(files.start_lock, "/run/x/default.start.lock");
  EXPECT_EQ(files.log, "/run/x/default.log");
  EXPECT_EQ(files_beside("/run/x/odd").lock, "/run/x/odd.lock");
}

TEST(BusFiles, keep_counters_off_disks) {
  const Folder memory("/dev/shm");
  EXPECT_EQ(files_beside(memory / "b.sock").stat, memory / "b.stat");
  EXPECT_THAT(files_beside("/proc/b.sock").stat, HasSubstr("/dev/shm/polybus-"));
}

TEST(SocketChoice, is_what_was_given) {
  const Environment variable("POLYBUS_SOCKET", "/x/from-environment.sock");
  EXPECT_THAT(choose_socket("b", "").paths, ElementsAre("/x/from-environment.sock"));
  EXPECT_THAT(choose_socket("b", "/x/given.sock").paths, ElementsAre("/x/given.sock"));
  EXPECT_TRUE(choose_socket("b", "").is_given);
}

TEST(SocketChoice, makes_relative_paths_absolute) {
  EXPECT_EQ(choose_socket("b", "here.sock").paths.at(0), std::filesystem::current_path().string() + "/here.sock");
}

TEST(SocketChoice, refuses_paths_that_are_no_files_name) {
  for (const std::string& path : {std::string("/x/"), "/" + std::string(5000, 'x')}) {
    try {
      choose_socket("b", path);
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Code::invalid_argument);
    }
  }
}

TEST(SocketChoice, looks_in_all_folders_of_the_user) {
  const Environment socket("POLYBUS_SOCKET", nullptr);
  const Folder runtime;
  const Environment variable("XDG_RUNTIME_DIR", runtime.path());
  const auto paths = choose_socket("b", "").paths;
  EXPECT_EQ(paths.front(), runtime / "polybus/b.sock");
  EXPECT_EQ(paths.back(), "/tmp/polybus-" + std::to_string(::geteuid()) + "/b.sock");
}

TEST(SocketToMake, gets_a_folder_for_its_user_alone) {
  const Environment socket("POLYBUS_SOCKET", nullptr);
  const Folder runtime;
  const Environment variable("XDG_RUNTIME_DIR", runtime.path());
  EXPECT_EQ(socket_to_make(choose_socket("b", "")), runtime / "polybus/b.sock");
  struct stat status {};
  ASSERT_EQ(::stat((runtime / "polybus").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST(SocketToMake, is_not_put_where_others_can_write) {
  const Environment socket("POLYBUS_SOCKET", nullptr);
  const Folder runtime;
  ASSERT_EQ(::mkdir((runtime / "polybus").c_str(), 0700), 0);
  ASSERT_EQ(::chmod((runtime / "polybus").c_str(), 0777), 0);
  const Environment variable("XDG_RUNTIME_DIR", runtime.path());
  EXPECT_NE(socket_to_make(choose_socket("b", "")), runtime / "polybus/b.sock");
}

TEST(SocketToMake, says_why_there_is_no_place_for_it) {
  try {
    socket_to_make(choose_socket("b", "/no/such/folder/b.sock"));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::io);
    EXPECT_THAT(e.what(), HasSubstr("/no/such/folder"));
    EXPECT_THAT(e.what(), HasSubstr("POLYBUS_SOCKET"));
  }
}

TEST(OtherBuses, are_found_in_the_users_folders) {
  const Folder runtime;
  ASSERT_EQ(::mkdir((runtime / "polybus").c_str(), 0700), 0);
  std::ofstream(runtime / "polybus/other.sock") << "";
  const Environment variable("XDG_RUNTIME_DIR", runtime.path());
  EXPECT_THAT(other_buses(), Contains(runtime / "polybus/other.sock"));
}

}  // namespace
}  // namespace polybus::discovery

// Sockets at long paths, stale ones, and what else may lie in their place.
#include "discovery/protocol/unix_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <polybus/error.hpp>

#include "discovery/protocol/lock_file.hpp"
#include "tests/unit/discovery/code_of.hpp"
#include "tests/unit/discovery/folder.hpp"

namespace polybus::discovery {
namespace {

using testing::HasSubstr;
using testing_support::code_of;
using testing_support::Folder;

TEST(UnixSocket, is_reached_where_somebody_listens) {
  const Folder folder;
  Fd client;
  EXPECT_EQ(connect_unix(folder / "s", &client), Reached::nothing_there);
  {
    const Fd listener = listen_unix(folder / "s");
    EXPECT_EQ(connect_unix(folder / "s", &client), Reached::yes);
    EXPECT_EQ(peer_credentials(client.get()).pid, ::getpid());
    struct stat status {};
    ASSERT_EQ(::stat((folder / "s").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
  }
  EXPECT_EQ(connect_unix(folder / "s", &client), Reached::stale);
}

TEST(UnixSocket, replaces_a_stale_one_and_no_other) {
  const Folder folder;
  { const Fd dead = listen_unix(folder / "s"); }
  const Fd listener = listen_unix(folder / "s");
  EXPECT_TRUE(listener);
  EXPECT_EQ(code_of([&] { listen_unix(folder / "s"); }), Code::io);  // somebody lives there
}

TEST(UnixSocket, takes_paths_longer_than_107_bytes) {
  const Folder folder;
  const std::string deep = folder / std::string(120, 'd');
  ASSERT_EQ(::mkdir(deep.c_str(), 0700), 0);
  const Fd listener = listen_unix(deep + "/bus.sock");
  Fd client;
  EXPECT_EQ(connect_unix(deep + "/bus.sock", &client), Reached::yes);
  EXPECT_EQ(connect_unix(deep + "/none.sock", &client), Reached::nothing_there);
  EXPECT_EQ(connect_unix(deep + "/none/none.sock", &client), Reached::nothing_there);
}

TEST(UnixSocket, names_the_limit_where_even_the_last_part_is_too_long) {
  const Folder folder;
  std::string message;
  EXPECT_EQ(code_of([&] { listen_unix(folder / std::string(110, 'n')); }, &message), Code::invalid_argument);
  EXPECT_THAT(message, HasSubstr("bytes behind the last '/'"));
}

TEST(UnixSocket, leaves_a_foreign_file_alone) {
  const Folder folder;
  std::ofstream(folder / "file") << "precious";
  std::string message;
  Fd client;
  EXPECT_EQ(code_of([&] { connect_unix(folder / "file", &client); }, &message), Code::io);
  EXPECT_THAT(message, HasSubstr("is not a socket"));
  EXPECT_EQ(code_of([&] { listen_unix(folder / "file"); }), Code::io);
  std::string content;
  std::ifstream(folder / "file") >> content;
  EXPECT_EQ(content, "precious");
}

TEST(UnixSocket, knows_a_socket_of_another_kind) {
  const Folder folder;
  const Fd datagrams(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / "d").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(datagrams.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  Fd client;
  EXPECT_EQ(code_of([&] { connect_unix(folder / "d", &client); }), Code::io);
}

TEST(LockFile, is_held_by_one) {
  const Folder folder;
  EXPECT_FALSE(LockFile::is_held(folder / "l"));
  auto first = LockFile::try_lock(folder / "l");
  ASSERT_TRUE(first);
  EXPECT_TRUE(LockFile::is_held(folder / "l"));
  EXPECT_FALSE(LockFile::try_lock(folder / "l"));
  first->remove();
  EXPECT_TRUE(LockFile::try_lock(folder / "l"));
}

TEST(LockFile, left_by_a_dead_process_is_no_obstacle) {
  const Folder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = LockFile::try_lock(folder / "l");
    ::_exit(lock ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(LockFile::try_lock(folder / "l"));
}

}  // namespace
}  // namespace polybus::discovery

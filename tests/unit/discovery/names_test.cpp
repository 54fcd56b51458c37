// What topics, buses and nodes may be called.
#include "discovery/protocol/names.hpp"

#include <gtest/gtest.h>

#include "tests/unit/discovery/code_of.hpp"

namespace polybus::discovery {
namespace {

using testing_support::code_of;

TEST(Names, of_topics_are_segments_joined_by_single_slashes) {
  for (const char* good : {"a", "sensors/imu", "_hidden/x", "A.b-c_9/..", "0"})
    EXPECT_NO_THROW(check_topic(good)) << good;
  EXPECT_NO_THROW(check_topic(std::string(100, 'x')));
  for (const char* bad : {"", "/", "/a", "a/", "a//b", "a b", "a\nb", "gr\xc3\xbc\xc3\x9f", "a*"})
    EXPECT_EQ(code_of([&] { check_topic(bad); }), Code::invalid_topic) << bad;
  EXPECT_EQ(code_of([] { check_topic(std::string(101, 'x')); }), Code::invalid_topic);
  EXPECT_EQ(code_of([] { check_topic(std::string("a\0b", 3)); }), Code::invalid_topic);
}

TEST(Names, of_buses_cannot_leave_their_folder) {
  for (const char* good : {"default", "a.b-c_9", "..."}) EXPECT_NO_THROW(check_bus_name(good)) << good;
  for (const char* bad : {"", ".", "..", "a/b", "a b"})
    EXPECT_EQ(code_of([&] { check_bus_name(bad); }), Code::invalid_argument) << bad;
  EXPECT_EQ(code_of([] { check_bus_name(std::string(65, 'b')); }), Code::invalid_argument);
}

TEST(Names, of_nodes_are_anything_that_can_be_printed) {
  EXPECT_NO_THROW(check_node_name("Küche, oben links"));
  for (const char* bad : {"", "a\nb", "a\x7f"})
    EXPECT_EQ(code_of([&] { check_node_name(bad); }), Code::invalid_argument) << bad;
  EXPECT_EQ(code_of([] { check_node_name(std::string(65, 'n')); }), Code::invalid_argument);
}

}  // namespace
}  // namespace polybus::discovery

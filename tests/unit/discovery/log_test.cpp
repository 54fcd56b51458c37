// What clients say to busd ends up in its log, which somebody reads on a terminal.
#include "discovery/registry/log.hpp"

#include <gtest/gtest.h>

namespace polybus::registry {
namespace {

TEST(Log, shows_text_as_it_is) { EXPECT_EQ(printable("node größe (pid 1) 猫"), "node größe (pid 1) 猫"); }

TEST(Log, escapes_what_would_forge_lines_or_command_a_terminal) {
  EXPECT_EQ(printable("a\nbusd error: b"), "a\\x0abusd error: b");
  EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");  // the 8-bit form of ESC [
  EXPECT_EQ(printable("\x7f"), "\\x7f");
}

TEST(Log, escapes_bytes_that_are_no_text) { EXPECT_EQ(printable("a\xff\xc3"), "a\\xff\\xc3"); }

TEST(Log, is_not_filled_by_one_long_text) {
  const std::string shown = printable(std::string(1'000'000, 'x'));
  EXPECT_LT(shown.size(), 2100U);
  EXPECT_TRUE(shown.ends_with("…"));
}

}  // namespace
}  // namespace polybus::registry

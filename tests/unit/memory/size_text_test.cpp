#include "bus/memory/size_text.hpp"

#include <gtest/gtest.h>

namespace polybus::bus {
namespace {

TEST(SizeText, is_a_number_of_bytes_or_has_a_letter_for_their_unit) {
  EXPECT_EQ(size_from_text("4096"), 4096U);
  EXPECT_EQ(size_from_text("16k"), 16U << 10);
  EXPECT_EQ(size_from_text("512M"), 512U << 20);
  EXPECT_EQ(size_from_text("64g"), 64ULL << 30);
  EXPECT_EQ(size_from_text("2T"), 2ULL << 40);
}

TEST(SizeText, that_is_none_or_too_large_is_refused) {
  for (const char* text : {"", "x", "-1", "1.5G", "1GB", "1 G", "99999999999999999999", "99999999999T"})
    EXPECT_FALSE(size_from_text(text)) << text;
}

}  // namespace
}  // namespace polybus::bus

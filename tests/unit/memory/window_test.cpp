#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <polybus/error.hpp>

#include "tests/unit/memory/extent_fixture.hpp"

namespace polybus::bus::test {
namespace {

using ::testing::HasSubstr;

// What it throws, or nothing.
std::optional<Error> error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

class WindowSize : public ::testing::Test {
 protected:
  ~WindowSize() override { ::unsetenv("POLYBUS_WINDOW"); }
  static uint64_t reserved(const char* text) {
    ::setenv("POLYBUS_WINDOW", text, 1);
    return Window::reserve()->size();
  }
};

TEST_F(WindowSize, is_what_POLYBUS_WINDOW_says_in_bytes_or_with_a_letter) {
  EXPECT_EQ(reserved("8589934592"), 8ull << 30);
  EXPECT_EQ(reserved("16777216k"), 16ull << 30);
  EXPECT_EQ(reserved("16384M"), 16ull << 30);
  EXPECT_EQ(reserved("64G"), 64ull << 30);
  EXPECT_EQ(reserved("64g"), 64ull << 30);
  if (!kIsSanitized) {  // it may not leave so many in a row
    EXPECT_EQ(reserved("1T"), 1ull << 40);
  }
}

TEST_F(WindowSize, is_some_power_of_two_up_to_the_default_where_nothing_is_said) {
  for (const char* text : {"", static_cast<const char*>(nullptr)}) {
    if (text == nullptr)
      ::unsetenv("POLYBUS_WINDOW");
    else
      ::setenv("POLYBUS_WINDOW", text, 1);
    const uint64_t size = Window::reserve()->size();
    EXPECT_LE(size, kWindowBytesDefault);
    EXPECT_GE(size, kWindowBytesMin);
    EXPECT_EQ(size & (size - 1), 0U);
  }
}

TEST_F(WindowSize, that_makes_no_sense_is_refused_with_what_would) {
  for (const char* text : {"much", "64GB", "64 G", "-64G", "+64G", "6.4T", "G", "0", "1G", "8589934591", "64P",
                           "18446744073709551616", "99999999999999T", "16777217T"}) {
    ::setenv("POLYBUS_WINDOW", text, 1);
    const auto error = error_of([] { (void)Window::reserve(); });
    ASSERT_TRUE(error) << text;
    EXPECT_EQ(error->code(), Code::invalid_argument) << text;
    EXPECT_THAT(error->what(), HasSubstr("POLYBUS_WINDOW=" + std::string(text)));
    EXPECT_THAT(error->what(), HasSubstr("at least 8 GiB, such as 64G"));
  }
}

TEST_F(WindowSize, gives_way_to_ulimit_v_unless_it_was_asked_for) {
  if (kIsSanitized) GTEST_SKIP() << "a sanitizer has reserved more than that";
  const auto limited = [](uint64_t asked) {
    rlimit limit{24ull << 30, 24ull << 30};
    ::setrlimit(RLIMIT_AS, &limit);
    try {
      const auto window = Window::reserve(asked);
      std::cerr << (window->size() >> 30) << " GiB";
    } catch (const Error& error) {
      std::cerr << (error.code() == Code::limit ? "LIMIT: " : "not LIMIT: ") << error.what();
    }
    ::_exit(0);
  };
  EXPECT_EXIT(limited(0), ::testing::ExitedWithCode(0), "^16 GiB$");
  EXPECT_EXIT(limited(64ull << 30), ::testing::ExitedWithCode(0), "^LIMIT: .*ulimit -v.*POLYBUS_WINDOW");
}

TEST(Window, maps_beyond_a_files_end_what_the_file_grows_to_later) {
  OneExtent memory(1 << 20);
  std::byte* begin = memory.window->at(memory.extent->offset());
  ASSERT_EQ(memory.file_bytes(), 0U);
  ASSERT_EQ(::ftruncate(memory.fd, 4096), 0);
  begin[4095] = std::byte{1};
  ASSERT_EQ(::ftruncate(memory.fd, 1 << 20), 0);
  begin[(1 << 20) - 1] = std::byte{2};
  EXPECT_EQ(begin[4095], std::byte{1});
}

TEST(Window, shows_the_same_memory_at_the_same_offset_in_another_one) {
  OneExtent memory(1 << 20);
  ASSERT_EQ(::ftruncate(memory.fd, 4096), 0);
  const auto other = Window::reserve(8ull << 30);
  const Extent mapped(other, 1, memory.fd, kBookBytesMax, 1 << 20, Access::read_only, nullptr);
  std::memcpy(memory.window->at(kBookBytesMax + 100), "hello", 5);
  EXPECT_EQ(std::memcmp(other->at(kBookBytesMax + 100), "hello", 5), 0);
  EXPECT_NE(other->at(kBookBytesMax), memory.window->at(kBookBytesMax));
  EXPECT_EQ(other->offset_of(other->at(12345)), 12345U);
}

TEST(Window, refuses_what_lies_outside_of_it_and_names_the_remedy) {
  const auto window = Window::reserve(8ull << 30);
  const int fd = ::memfd_create("extent", MFD_CLOEXEC);
  for (const auto& [offset, bytes] : {std::pair<uint64_t, uint64_t>{8ull << 30, 4096},
                                      {(8ull << 30) - 4096, 8192},
                                      {uint64_t{4096}, 8ull << 30},
                                      {~uint64_t{4095}, 4096},
                                      {4096, ~uint64_t{4095}}}) {
    const auto error = error_of([&, o = offset, b = bytes] { window->map(fd, o, b, Access::read_write); });
    ASSERT_TRUE(error) << offset << " " << bytes;
    EXPECT_EQ(error->code(), Code::limit);
    EXPECT_THAT(error->what(), HasSubstr("this process reserved 8 GiB; raise `ulimit -v` or POLYBUS_WINDOW"));
  }
  ::close(fd);
}

TEST(Window, says_what_the_system_objects_to_when_it_does_not_map) {
  const auto window = Window::reserve(8ull << 30);
  const auto error = error_of([&] { window->map(-1, kBookBytesMax, 4096, Access::read_write); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::io);
  EXPECT_THAT(error->what(), HasSubstr("Bad file descriptor"));
}

TEST(Window, lets_nobody_write_where_only_reading_was_asked_for) {
  OneExtent memory(1 << 20);
  ASSERT_EQ(::ftruncate(memory.fd, 4096), 0);
  const auto write = [&] {
    const auto other = Window::reserve(8ull << 30);
    const Extent mapped(other, 1, memory.fd, kBookBytesMax, 1 << 20, Access::read_only, nullptr);
    *other->at(kBookBytesMax) = std::byte{1};
  };
  EXPECT_DEATH(write(), "");
}

TEST(Extent, leaves_nothing_mapped_behind_and_its_place_can_be_used_again) {
  const auto window = Window::reserve(8ull << 30);
  const int fd = ::memfd_create("extent", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, 4096), 0);
  std::vector<uint64_t> unmapped;
  const auto note = [&](uint64_t id) { unmapped.push_back(id); };
  uint64_t first_local_id = 0;
  {
    const Extent extent(window, 7, fd, kBookBytesMax, 1 << 20, Access::read_write, note);
    *window->at(kBookBytesMax) = std::byte{1};
    first_local_id = extent.local_id();
    EXPECT_TRUE(unmapped.empty());
  }
  EXPECT_EQ(unmapped, std::vector<uint64_t>{7});
  EXPECT_DEATH(*window->at(kBookBytesMax) = std::byte{2}, "");
  const Extent again(window, 8, fd, kBookBytesMax, 1 << 20, Access::read_write, nullptr);
  EXPECT_EQ(*window->at(kBookBytesMax), std::byte{1});
  EXPECT_NE(again.local_id(), first_local_id);
  ::close(fd);
}

TEST(Extent, contains_what_lies_in_it_whole) {
  OneExtent memory(1 << 20);
  const Extent& extent = *memory.extent;
  const uint64_t begin = extent.offset();
  EXPECT_TRUE(extent.contains(begin, 1 << 20));
  EXPECT_TRUE(extent.contains(begin + 100, 0));
  EXPECT_TRUE(extent.contains(begin + (1 << 20) - 8, 8));
  EXPECT_FALSE(extent.contains(begin - 1, 8));
  EXPECT_FALSE(extent.contains(begin + (1 << 20) - 8, 9));
  EXPECT_FALSE(extent.contains(begin + (2 << 20), 0));
  EXPECT_FALSE(extent.contains(begin, UINT64_MAX));
  EXPECT_FALSE(extent.contains(UINT64_MAX, UINT64_MAX));
}

TEST(Extent, that_a_forked_child_drops_stays_mapped_there_and_is_nobodys_news) {
  auto memory = std::make_unique<OneExtent>(1 << 20);
  ASSERT_EQ(::ftruncate(memory->fd, 4096), 0);
  std::byte* begin = memory->window->at(kBookBytesMax);
  *begin = std::byte{5};
  const auto drop = [&] {
    memory->extent.reset();
    memory->window.reset();
    ::_exit(*begin == std::byte{5} ? 0 : 1);
  };
  EXPECT_EXIT(drop(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace polybus::bus::test

#include "bus/message/frame.hpp"

#include <capnp/any.h>
#include <gmock/gmock.h>

#include "tests/unit/message/fixtures.hpp"

namespace polybus::test {
namespace {

using bus::Frame;
using testing::HasSubstr;

// A message from 32-bit words.
std::vector<uint64_t> words(std::initializer_list<uint32_t> halves) {
  std::vector<uint64_t> result((halves.size() + 1) / 2);
  std::memcpy(result.data(), std::data(halves), halves.size() * 4);
  return result;
}

std::string complaint(std::span<const std::byte> bytes) {
  auto error = error_of([&] { bus::check_frame(bytes); });
  EXPECT_EQ(error.code(), Code::bad_message);
  return error.what();
}

std::string complaint(std::initializer_list<uint32_t> halves) {
  auto message = words(halves);
  return complaint(std::as_bytes(std::span(message)));
}

constexpr uint32_t kEmptyStruct = 0xfffffffc;  // pointer to a struct of no size, where it lies itself

TEST(Frame, opens_what_capnp_writes_without_a_copy) {
  auto bytes = frame_of(zoo(), [](auto root) { root.set("name", "kea"); });
  Frame frame(as_span(bytes));
  auto root = frame.getRoot<capnp::DynamicStruct>(zoo().struct_schema());
  auto name = root.get("name").as<capnp::Text>();
  EXPECT_STREQ(name.cStr(), "kea");
  EXPECT_GE(static_cast<const void*>(name.begin()), bytes.begin());
  EXPECT_LT(static_cast<const void*>(name.begin()), bytes.end());
}

TEST(Frame, copies_bytes_that_are_not_aligned) {
  auto bytes = frame_of(zoo(), [](auto root) { root.set("name", "kea"); });
  std::vector<std::byte> moved(as_span(bytes).size() + 1);
  std::memcpy(moved.data() + 1, bytes.begin(), as_span(bytes).size());
  Frame frame(std::span<const std::byte>(moved).subspan(1));
  auto root = frame.getRoot<capnp::DynamicStruct>(zoo().struct_schema());
  EXPECT_STREQ(root.get("name").as<capnp::Text>().cStr(), "kea");
}

TEST(Frame, reads_messages_of_several_segments) {
  capnp::MallocMessageBuilder message(1, capnp::AllocationStrategy::FIXED_SIZE);
  auto root = message.initRoot<capnp::DynamicStruct>(zoo().struct_schema());
  root.set("name", "kakapo");
  root.set("title", "parrot");
  ASSERT_GT(message.getSegmentsForOutput().size(), 2u);
  auto bytes = capnp::messageToFlatArray(message);
  Frame frame(as_span(bytes));
  EXPECT_STREQ(frame.getRoot<capnp::DynamicStruct>(zoo().struct_schema()).get("title").as<capnp::Text>().cStr(),
               "parrot");
}

TEST(Frame, takes_a_null_root_for_a_struct_of_defaults) {
  auto message = words({0, 1, 0, 0});
  Frame frame(std::as_bytes(std::span(message)));
  EXPECT_EQ(frame.getRoot<capnp::DynamicStruct>(zoo().struct_schema()).get("u32").as<uint32_t>(), 3000000001u);
}

TEST(Frame, says_what_is_wrong_with_bytes_that_are_no_message) {
  EXPECT_THAT(complaint(std::span<const std::byte>()), HasSubstr("0 bytes"));
  EXPECT_THAT(complaint({0, 1}), HasSubstr("8 bytes, where a multiple of 8 and at least 16"));
  auto message = words({0, 1, kEmptyStruct, 0, 0, 0});
  EXPECT_THAT(complaint(std::as_bytes(std::span(message)).first(20)), HasSubstr("20 bytes"));
}

TEST(Frame, refuses_tables_that_do_not_fit_the_bytes) {
  EXPECT_THAT(complaint({0, 7, kEmptyStruct, 0}), HasSubstr("cut off: its segment table needs 64 bytes, there are 16"));
  EXPECT_THAT(complaint({0, 1, kEmptyStruct, 0, 0, 0}), HasSubstr("followed by 8 bytes"));
  EXPECT_THAT(complaint({0xffffffff, 1, kEmptyStruct, 0}), HasSubstr("4294967296 segments"));
  EXPECT_THAT(complaint({0, 0, 0, 0}), HasSubstr("followed by 8 bytes"));
  EXPECT_THAT(complaint({1, 0, 1, 0, kEmptyStruct, 0}), HasSubstr("empty first segment"));
}

TEST(Frame, refuses_a_root_that_is_no_struct_or_lies_outside) {
  EXPECT_THAT(complaint({0, 1, 0x00000001, 0}), HasSubstr("list at its root"));
  EXPECT_THAT(complaint({0, 1, 0x00000003, 0}), HasSubstr("capability at its root"));
  EXPECT_THAT(complaint({0, 1, 0x00000000, 0x00000001}), HasSubstr("broken root pointer"));
  EXPECT_THAT(complaint({0, 1, 0x0000000a, 0x00000007}), HasSubstr("broken root pointer"));
}

TEST(Frame, can_be_read_for_ever) {
  auto bytes = frame_of(zoo(), [](auto root) { root.init("raw", 1 << 20); });
  Frame frame(as_span(bytes));
  auto root = frame.getRoot<capnp::DynamicStruct>(zoo().struct_schema());
  for (int i = 0; i < 200; ++i) EXPECT_EQ(root.get("raw").as<capnp::Data>().size(), 1u << 20);
}

}  // namespace
}  // namespace polybus::test

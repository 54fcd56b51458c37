#include "bus/message/json.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <random>

#include "bus/message/base64.hpp"
#include "bus/message/json_text.hpp"
#include "bus/message/schema_state.hpp"
#include "tests/unit/message/fixtures.hpp"

namespace polybus::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const Schema& things() {
  static const Schema schema = parse_text(R"(@0xb0e1c2d3a4f59631;
    enum Color { red @0; green @1; }
    struct Hail { mm @0 :UInt8; at @1 :Text; }
    struct Things {
      big @1 :UInt64; small @0 :Int8 = 5; deep @2 :Int64; ratio @3 :Float64; single @4 :Float32; flag @5 :Bool;
      color @6 :Color; name @7 :Text = "none"; raw @8 :Data; hail @9 :List(Hail); one @10 :Hail;
      grid @11 :List(List(Int16)); nothing @12 :Void; words @13 :List(Text); any @14 :AnyPointer;
      union { left @15 :Void; right @16 :Text; both :group { a @17 :UInt8; b @18 :UInt8; } }
      ratios @19 :List(Float64); colors @20 :List(Color); raws @21 :List(Data);
    })",
                                          "Things", "things.capnp");
  return schema;
}

std::string json_of(const Schema& schema, const kj::Array<capnp::word>& frame) {
  return bus::to_json(schema, as_span(frame));
}

template <typename Fill>
std::string json_of(Fill&& fill) {
  return json_of(things(), frame_of(things(), fill));
}

kj::Array<capnp::word> frame_from(const Schema& schema, std::string_view json) {
  capnp::MallocMessageBuilder message;
  bus::from_json(schema, json, message);
  return capnp::messageToFlatArray(message);
}

// What a text becomes when it is read and written again.
std::string again(std::string_view json) { return json_of(things(), frame_from(things(), json)); }

// Without the scalars that are always there.
std::string interesting(std::string text) {
  constexpr std::string_view kAlways =
      R"({"big":"0","small":5,"deep":"0","ratio":0,"single":0,"flag":false,"color":"red")";
  EXPECT_THAT(text, StartsWith(std::string(kAlways)));
  return text.substr(std::min(kAlways.size(), text.size()));
}

std::string complaint(std::string_view json) {
  auto error = error_of([&] { frame_from(things(), json); });
  EXPECT_EQ(error.code(), Code::invalid_argument);
  return error.what();
}

TEST(Json, has_every_scalar_with_its_default_and_leaves_null_pointers_out) {
  EXPECT_EQ(
      json_of([](auto) {}),
      R"({"big":"0","small":5,"deep":"0","ratio":0,"single":0,"flag":false,"color":"red","nothing":null,"left":null})");
}

TEST(Json, writes_64_bit_numbers_as_strings) {
  auto text = json_of([](auto root) {
    root.set("big", UINT64_MAX);
    root.set("deep", INT64_MIN);
    root.set("small", int8_t{-128});
  });
  EXPECT_THAT(text, StartsWith(R"({"big":"18446744073709551615","small":-128,"deep":"-9223372036854775808",)"));
}

TEST(Json, writes_floats_so_that_they_read_back_equal) {
  auto text = json_of([](auto root) {
    root.set("ratio", 0.1);
    root.set("single", 0.1f);
    auto list = root.init("ratios", 5).template as<capnp::DynamicList>();
    list.set(0, std::numeric_limits<double>::quiet_NaN());
    list.set(1, std::numeric_limits<double>::infinity());
    list.set(2, -std::numeric_limits<double>::infinity());
    list.set(3, -0.0);
    list.set(4, 5e-324);
  });
  EXPECT_THAT(text, HasSubstr(R"("ratio":0.1,"single":0.10000000149011612,)"));
  EXPECT_THAT(text, HasSubstr(R"("ratios":["NaN","Infinity","-Infinity",-0.0,5e-324])"));
}

TEST(Json, tells_what_is_empty_from_what_is_not_there) {
  auto text = json_of([](auto root) {
    root.set("name", "");
    root.init("raw", 0);
    root.init("hail", 0);
    root.init("one");
  });
  EXPECT_EQ(interesting(text), R"(,"name":"","raw":"","hail":[],"one":{"mm":0},"nothing":null,"left":null})");
}

TEST(Json, writes_enums_by_name_and_unknown_ones_by_number) {
  auto text = json_of([](auto root) {
    auto list = root.init("colors", 2).template as<capnp::DynamicList>();
    list.set(0, "green");
    list.set(1, capnp::DynamicEnum(things().struct_schema().getFieldByName("color").getType().asEnum(), 77));
  });
  EXPECT_THAT(text, HasSubstr(R"("colors":["green",77])"));
}

TEST(Json, writes_the_active_member_of_a_union_only_and_that_always) {
  EXPECT_THAT(json_of([](auto root) { root.set("right", "x"); }), HasSubstr(R"("nothing":null,"right":"x"})"));
  auto group = json_of([](auto root) { root.init("both").template as<capnp::DynamicStruct>().set("b", 3); });
  EXPECT_THAT(group, HasSubstr(R"("nothing":null,"both":{"a":0,"b":3}})"));
  auto null = frame_from(things(), R"({"right":null})");
  EXPECT_THAT(json_of(things(), null), HasSubstr(R"("nothing":null,"right":null})"));
}

TEST(Json, escapes_text_and_replaces_what_is_not_utf8) {
  auto text = json_of([](auto root) {
    root.set("name", capnp::Text::Reader("\"\\\n\x01 \xc3\xa4\xf0\x9f\xa6\x9c \xff\xed\xa0\x80", 16));
  });
  EXPECT_THAT(text, HasSubstr("\"name\":\"\\\"\\\\\\n\\u0001 \xc3\xa4\xf0\x9f\xa6\x9c "
                              "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""));
}

TEST(Json, reads_elements_that_are_not_there_as_empty) {
  auto text = json_of([](auto root) {
    root.init("words", 2).template as<capnp::DynamicList>().set(1, "b");
    root.init("grid", 1);
    root.init("raws", 1);
  });
  EXPECT_THAT(text, HasSubstr(R"("grid":[[]])"));
  EXPECT_THAT(text, HasSubstr(R"("words":["","b"])"));
  EXPECT_THAT(text, HasSubstr(R"("raws":[""])"));
}

TEST(Json, reads_back_what_it_writes) {
  constexpr std::string_view kText =
      R"({"big":"18446744073709551615","small":-1,"deep":"-9223372036854775808","ratio":1e+300,"single":-0.0,"flag":true,)"
      R"("color":"green","name":"\"ä\u0001","raw":"AQID/w==","hail":[{"mm":255,"at":""},{"mm":0}],"one":{"mm":7},)"
      R"("grid":[[],[1,-2]],"nothing":null,"words":["",""],"both":{"a":1,"b":2},"ratios":["NaN",-0.0,"Infinity"],)"
      R"("colors":["red",65535],"raws":["","AA=="]})";
  EXPECT_EQ(again(kText), kText);
}

TEST(Json, takes_numbers_in_every_form_that_says_an_exact_value) {
  EXPECT_THAT(again(R"({"big":18446744073709551615,"deep":-9223372036854775808,"small":1e1})"),
              StartsWith(R"({"big":"18446744073709551615","small":10,"deep":"-9223372036854775808")"));
  EXPECT_THAT(again(R"({"small":-128.0,"ratio":1e-999})"),
              StartsWith(R"({"big":"0","small":-128,"deep":"0","ratio":0,)"));
  EXPECT_THAT(again("{\"small\"\n:\t7 , \"name\":\"\\ud83e\\udd9c\\/\"}"), HasSubstr("\"name\":\"\xf0\x9f\xa6\x9c/\""));
}

TEST(Json, names_the_path_of_what_it_cannot_take) {
  EXPECT_EQ(complaint(R"({"hail":[{"mm":1},{"mm":"x"}]})"), "hail[1].mm: expected UInt8, got string");
  EXPECT_EQ(complaint(R"({"hail":[{"mm":256}]})"), "hail[0].mm: expected UInt8 (0 to 255), got 256");
  EXPECT_EQ(complaint(R"({"hail":[{"mm":-1}]})"), "hail[0].mm: expected UInt8 (0 to 255), got -1");
  EXPECT_EQ(complaint(R"({"small":1.5})"), "small: expected Int8 (-128 to 127), got 1.5");
  EXPECT_EQ(complaint(R"({"small":null})"), "small: expected Int8, got null");
  EXPECT_EQ(complaint(R"({"flag":1})"), "flag: expected Bool, got 1");
  EXPECT_EQ(complaint(R"({"grid":[[1],[2,true]]})"), "grid[1][1]: expected Int16, got boolean");
  EXPECT_EQ(complaint(R"({"grid":[1]})"), "grid[0]: expected List(Int16), got 1");
  EXPECT_EQ(complaint(R"({"both":{"c":1}})"), R"(both: Things.both has no field "c"; it has a, b)");
  EXPECT_EQ(complaint(R"([1])"), "expected Things, got array");
}

TEST(Json, refuses_values_that_would_change_on_the_way) {
  EXPECT_EQ(complaint(R"({"big":"18446744073709551616"})"),
            "big: expected UInt64, got a string that is no such number");
  EXPECT_EQ(complaint(R"({"deep":-9223372036854775809})"),
            "deep: expected Int64 (-9223372036854775808 to 9223372036854775807), got -9223372036854775809");
  EXPECT_EQ(complaint(R"({"deep":" 1"})"), "deep: expected Int64, got a string that is no such number");
  EXPECT_EQ(complaint(R"({"single":1e300})"), "single: expected Float32 (up to 3.4028235e38), got 1e300");
  EXPECT_EQ(complaint(R"({"ratio":1e999})"), "ratio: expected Float64, got 1e999");
  EXPECT_EQ(complaint(R"({"ratio":"inf"})"), "ratio: expected Float64, got string");
  EXPECT_EQ(complaint(R"({"raw":"AQI"})"), "raw: expected Data as base64, got a string that is not");
  EXPECT_EQ(complaint(R"({"raw":"AR=="})"), "raw: expected Data as base64, got a string that is not");
  EXPECT_EQ(complaint(R"({"color":"blue"})"), R"(color: expected Color (red, green), got "blue")");
  EXPECT_EQ(complaint(R"({"color":70000})"), "color: expected Color (red, green), got 70000");
  EXPECT_EQ(complaint(R"({"any":{}})"),
            "any: an AnyPointer has no JSON but null: its type is known to the program only");
  EXPECT_EQ(complaint(R"({"left":null,"right":"x"})"), "left and right are members of one union: give one of them");
}

TEST(Json, says_where_a_text_is_not_json) {
  EXPECT_EQ(complaint(""), "JSON, line 1, column 1: the text ends too early");
  EXPECT_EQ(complaint("{\n  \"small\": 01}"), "JSON, line 2, column 13: ',' or '}' is expected");
  EXPECT_EQ(complaint("{\"small\":1} x"), "JSON, line 1, column 13: nothing may follow the value");
  EXPECT_EQ(complaint("{\"small\":1,}"), "JSON, line 1, column 12: a key in quotes is expected");
  EXPECT_EQ(complaint("{\"small\":1,\"small\":2}"), "JSON, line 1, column 12: the key \"small\" is there twice");
  EXPECT_EQ(complaint("{\"name\":\"\xff\"}"), "JSON, line 1, column 10: not UTF-8");
  EXPECT_EQ(complaint("{\"name\":\"\\ud800\"}"), "JSON, line 1, column 16: half of a surrogate pair");
  EXPECT_EQ(complaint("{\"name\":\"a\nb\"}"), "JSON, line 1, column 11: control characters must be escaped");
  EXPECT_EQ(complaint("{\"name\":\"a"), "JSON, line 1, column 11: a string is not closed");
  EXPECT_EQ(complaint("{\"small\":-}"), "JSON, line 1, column 11: a digit is expected");
  EXPECT_EQ(complaint("{\"flag\":nul}"), "JSON, line 1, column 9: a value is expected");
  EXPECT_THAT(complaint(std::string(100000, '[')), HasSubstr("nested more than 128 deep"));
}

TEST(Json, is_bounded_for_messages_that_claim_more_than_they_hold) {
  auto voids = parse_text("@0xb0e1c2d3a4f59632;\nstruct A { v @0 :List(Void); }", "A");
  auto frame = frame_of(voids, [](auto root) { root.init("v", (1u << 29) - 1); });
  ASSERT_LT(as_span(frame).size(), 100u);
  EXPECT_EQ(error_of([&] { json_of(voids, frame); }).code(), Code::bad_message);
  auto some = frame_of(voids, [](auto root) { root.init("v", 3); });
  EXPECT_EQ(json_of(voids, some), R"({"v":[null,null,null]})");
}

TEST(Json, refuses_bytes_that_are_not_a_message_of_the_schema) {
  auto frame = frame_of(things(), [](auto root) { root.set("name", "x"); });
  EXPECT_EQ(error_of([&] { bus::to_json(things(), as_span(frame).first(8)); }).code(), Code::bad_message);
  auto other = parse_text("@0xb0e1c2d3a4f59633;\nstruct A { a @0 :Text; b @1 :Text; c @2 :Text; d @3 :Text; }", "A");
  auto texts = frame_of(other, [](auto root) { root.set("d", "not a struct"); });
  EXPECT_EQ(error_of([&] { bus::to_json(things(), as_span(texts)); }).code(), Code::bad_message);
}

TEST(Json, fills_the_zoo_and_reproduces_its_bytes) {
  constexpr std::string_view kText =
      R"({"flag":false,"i8":-1,"i16":-2,"i32":-3,"i64":"-4","u8":1,"u16":2,"u32":3,"u64":"4","f32":0.5,"f64":-0.25,)"
      R"("nothing":null,"color":"blue","name":"kea","title":"untitled","raw":"/w==","origin":{"x":1,"y":2},)"
      R"("path":[{"x":0,"y":0},{"x":-1,"y":1}],"bits":[true,false,true],"matrix":[[1],[],[2,3]],"names":["a"],)"
      R"("colors":["red"],"voids":[null,null],"empties":[{},{}],"pose":{"heading":1,"at":{"x":3,"y":4}},)"
      R"("area":{"width":5,"height":6},"shape":{"square":2},"boxed":{"value":"in","label":"out"},)"
      R"("boxes":[{"value":[1,2]},{"label":"l"}],"child":{"flag":true,"i8":0,"i16":0,"i32":-70000,"i64":"0","u8":0,)"
      R"("u16":0,"u32":3000000001,"u64":"0","f32":0,"f64":0.5,"nothing":null,"color":"green","pose":{"heading":0},)"
      R"("note":"inner","shape":{"circle":0}},"nested":{"id":"9"},"blobs":["AA==",""]})";
  auto frame = frame_from(zoo(), kText);
  EXPECT_EQ(json_of(zoo(), frame), kText);
  auto second = frame_from(zoo(), json_of(zoo(), frame));
  EXPECT_TRUE(frame.asBytes() == second.asBytes());
}

TEST(Base64, goes_both_ways_for_every_length) {
  std::mt19937 random(1);
  for (size_t size = 0; size < 70; ++size) {
    std::vector<uint8_t> bytes(size);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
    std::string text;
    bus::append_base64(text, bytes);
    EXPECT_EQ(bus::decode_base64(text), bytes);
  }
  std::string text;
  bus::append_base64(text, std::vector<uint8_t>{'f', 'o', 'o', 'b'});
  EXPECT_EQ(text, "Zm9vYg==");
}

}  // namespace
}  // namespace polybus::test

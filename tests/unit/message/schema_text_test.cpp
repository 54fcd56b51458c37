// A schema that is written down and parsed again is the same schema.
#include "bus/message/schema_text.hpp"

#include <capnp/schema.capnp.h>
#include <gmock/gmock.h>

#include "tests/unit/message/fixtures.hpp"

namespace polybus::test {
namespace {

using bus::root_name;
using bus::schema_text;
using testing::HasSubstr;

// The text, which must compile to the same fingerprint.
std::string written(const Schema& schema) {
  const std::string text = schema_text(schema);
  EXPECT_EQ(parse_text(text, root_name(schema)).fingerprint(), schema.fingerprint()) << text;
  return text;
}

Schema parsed(const std::string& text, const std::string& name = "Main") {
  return parse_text("@0xb0e1c2d3a4f59901;\n" + text, name);
}

TEST(SchemaText, of_one_of_everything_compiles_to_the_same_fingerprint) { written(zoo()); }

TEST(SchemaText, is_what_one_would_write) {
  EXPECT_EQ(
      written(parsed(
          "# why\nstruct Main @0xb0e1c2d3a4f59902 { b @1 :Text = \"b\\\"\\n\"; a @0 :List(Mood); "
          "union { c @2 :Void; d :group { e @3 :Float32 = 0.1; } } enum Mood @0xb0e1c2d3a4f59903 { y @1; x @0; } }")),
      "@0xb0e1c2d3a4f59901;\n\n"
      "struct Main @0xb0e1c2d3a4f59902 {\n"
      "  b @1 :Text = \"b\\\"\\n\";\n"
      "  a @0 :List(Main.Mood);\n"
      "  union {\n"
      "    c @2 :Void;\n"
      "    d :group {\n"
      "      e @3 :Float32 = 0.1;\n"
      "    }\n"
      "  }\n"
      "  enum Mood @0xb0e1c2d3a4f59903 {\n"
      "    y @1;\n"
      "    x @0;\n"
      "  }\n"
      "}\n");
}

TEST(SchemaText, has_defaults_of_every_kind) {
  written(parsed(R"(enum M { a @0; b @1; } struct P { x @0 :Int8; y @1 :Text; d @2 :Data; m @3 :M; }
    struct Main { a @0 :Bool = true; b @1 :Int64 = -9223372036854775808; c @2 :UInt64 = 18446744073709551615;
      d @3 :Float32 = inf; e @4 :Float64 = -inf; f @5 :Float64 = nan; g @6 :Float64 = 1e300; h @7 :M = b;
      i @8 :Data = 0x"00ff7f"; j @9 :P = (x = 3, y = "q\t", d = "\x80", m = b); k @10 :List(P) = [(x = 1), ()];
      l @11 :List(List(UInt8)) = [[1], [], [2, 3]]; m @12 :Text = "grüße"; n @13 :List(Float32) = [0.5, inf, -inf];
      o @14 :Void = void; p @15 :Int8 = 0; q @16 :List(Text) = ["a", ""]; r @17 :Float32 = -0.0; })"));
}

TEST(SchemaText, keeps_the_sign_of_zero_wherever_it_stands) {
  EXPECT_THAT(
      written(parsed(R"(struct P { x @0 :Float64; y @1 :List(Float32); u :union { a @2 :Float32; b @3 :Float64; } }
    struct Main { a @0 :List(Float64) = [-0.0, 0.0]; b @1 :List(List(Float32)) = [[-0.0], []];
      c @2 :P = (x = -0.0, y = [-0.0, 1], u = (b = -0.0)); d @3 :List(P) = [(x = -0.0), (u = (a = -0.0))];
      e @4 :List(Float64) = [nan, inf, -inf, 1e300, 12]; })")),
      HasSubstr("= [-0.0, 0.0];"));
}

// No compiler makes it; a bundle that was made by hand can have it.
TEST(SchemaText, has_no_word_for_a_nan_with_a_sign) {
  const auto schema = parsed("struct Main { a @0 :Float64 = nan; }");
  std::string bytes(reinterpret_cast<const char*>(schema.bundle().data()), schema.bundle().size());
  const size_t at = bytes.find(std::string("\0\0\0\0\0\0\xf8\x7f", 8));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 7] = '\xff';
  const auto negative = Schema::from_bundle(std::as_bytes(std::span(bytes)));
  ASSERT_NE(negative.fingerprint(), schema.fingerprint());
  const std::string text = schema_text(negative);
  EXPECT_THAT(text, HasSubstr("a @0 :Float64 = nan;"));
  EXPECT_EQ(parse_text(text, root_name(negative)).fingerprint(), schema.fingerprint());
}

TEST(SchemaText, keeps_the_numbers_of_unions) {
  const std::string named =
      "struct Main { u @0! :union { a @2 :Int32; b @3 :Int8; } v @1! :union { c @4 :Int8; d @5 :Text; } }";
  EXPECT_THAT(written(parsed(named)), testing::AllOf(HasSubstr("u @0! :union"), HasSubstr("v @1! :union")));
  written(
      parsed("struct Main { x @0 :Int64; u @1! :union { a @2 :Int32; g :group { b @3 :Int8; v @4! :union { c @5 :Int8; "
             "d @6 :Text; } } } }"));
}

TEST(SchemaText, has_unions_and_groups_in_each_other) {
  written(parsed(
      R"(struct Main { a @0 :Int8; u :union { b @1 :Text; c :group { d @2 :Int64; e :union { f @3 :Void; g @4 :Bool; } } }
      h :group { i @5 :Int32; union { j @6 :Int32; k @7 :Main; } } union { l @8 :Void; m :union { n @9 :Void; o @10 :Int8; } } })"));
}

TEST(SchemaText, has_generic_types_with_their_arguments) {
  written(parsed(R"(struct Box(T) { value @0 :T; inner @1 :Inner; struct Inner { twin @0 :T; pair @1 :Pair(T, Text); }
      struct Pair(A, B) { a @0 :A; b @1 :B; c @2 :T; } }
    struct Main { text @0 :Box(Text); lists @1 :Box(List(Box(Data))); deep @2 :Box(Text).Pair(Main, Data); any @3 :Box; })"));
}

TEST(SchemaText, keeps_types_apart_that_have_one_name) {
  Folder folder;
  folder.write("a.capnp", "@0xb0e1c2d3a4f59904;\nstruct Point { x @0 :Int8; } struct Other { point @0 :Point; }");
  folder.write("b.capnp", "@0xb0e1c2d3a4f59905;\nstruct Point { y @0 :Text; struct Point { z @0 :Bool; } }");
  const auto path = folder.write("main.capnp", R"(@0xb0e1c2d3a4f59906;
    struct Main { a @0 :import "a.capnp".Point; b @1 :import "b.capnp".Point; c @2 :import "b.capnp".Point.Point;
      d @3 :Point; e @4 :import "a.capnp".Other; struct Point { w @0 :Data; } })");
  written(Schema::parse_file(path).at("Main"));
}

TEST(SchemaText, makes_scopes_for_types_whose_outer_type_is_not_part_of_the_schema) {
  const auto schema = parsed(R"(struct Outer { n @0 :Int8; struct Inner { x @0 :Int8; enum E { a @0; } e @1 :E; } }
    struct Loose(T) { u @0 :T; struct In { t @0 :T; v @1 :List(E); } enum E { q @0; } }
    struct Main { i @0 :Outer.Inner; t @1 :Loose(Text).In; })");
  EXPECT_THAT(written(schema), HasSubstr("struct Outer @0x"));
  written(parsed("struct Outer { struct Main { x @0 :Int8; } }", "Outer.Main"));
}

TEST(SchemaText, leaves_out_what_interfaces_can_do) {
  EXPECT_THAT(written(parsed(
                  "interface Base { close @0 (); } interface Door extends(Base) { open @0 (key :Text) -> (yes :Bool); }"
                  "struct Main { door @0 :Door; all @1 :List(Door); }")),
              HasSubstr("interface Door"));
}

TEST(SchemaText, of_schemas_that_others_wrote_compiles_to_the_same_fingerprint) {
  written(Schema::of<capnp::schema::Node>());
  written(Schema::of<capnp::schema::CodeGeneratorRequest>());
  for (const char* name : {"/usr/include/capnp/rpc.capnp", "/usr/include/capnp/persistent.capnp",
                           "/usr/include/capnp/rpc-twoparty.capnp", "/usr/include/capnp/schema.capnp"}) {
    const auto file = Schema::parse_file(name);
    for (const auto& type : file.names()) written(file.at(type));
  }
}

TEST(SchemaText, of_mutated_bundles_is_written_or_refused) {
  std::string whole(reinterpret_cast<const char*>(zoo().bundle().data()), zoo().bundle().size());
  int written_ones = 0, refused = 0;
  for (size_t i = 0; i < whole.size(); i += 3) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i / 3 % 8)));
    try {
      written_ones += !schema_text(Schema::from_bundle(std::as_bytes(std::span(bytes)))).empty();
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), Code::bad_schema) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(written_ones, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace polybus::test

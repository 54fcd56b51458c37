// What two versions of a schema may differ in, and what is said when they may not.
#include "bus/message/schema_difference.hpp"

#include <capnp/schema.capnp.h>
#include <gmock/gmock.h>

#include "tests/unit/message/fixtures.hpp"

namespace polybus::test {
namespace {

using bus::difference_of;
using bus::SchemaDifference;
using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;

Schema main_of(const std::string& text, const std::string& name = "Main") {
  return parse_text("@0xb0e1c2d3a4f59701;\n" + text, name);
}

std::vector<std::string> said(const SchemaDifference& difference, bool mismatches) {
  std::vector<std::string> texts;
  for (const auto& line : difference.lines)
    if (line.is_mismatch == mismatches) texts.push_back(line.text);
  return texts;
}

// What keeps them apart, and that the other direction agrees.
std::vector<std::string> mismatches(const std::string& here, const std::string& there) {
  EXPECT_FALSE(difference_of(main_of(there), main_of(here)).fits());
  return said(difference_of(main_of(here), main_of(there)), true);
}

// What is only noted, between schemas that fit in both directions.
std::vector<std::string> notes(const std::string& here, const std::string& there) {
  EXPECT_TRUE(difference_of(main_of(there), main_of(here)).fits());
  const auto difference = difference_of(main_of(here), main_of(there));
  EXPECT_THAT(said(difference, true), IsEmpty());
  return said(difference, false);
}

TEST(SchemaDifference, is_none_where_only_names_of_types_order_and_comments_differ) {
  EXPECT_THAT(
      notes("enum Mood { calm @0; } struct Point { x @0 :Int8; } struct Main { a @0 :Point; b @1 :Mood; }",
            "struct Main { b @1 :State; a @0 :Place; } # other\nstruct Place { x @0 :Int8; } enum State { calm @0; }"),
      IsEmpty());
}

TEST(SchemaDifference, notes_fields_and_enumerants_that_one_side_does_not_know) {
  EXPECT_THAT(notes("struct Main { a @0 :Int8; }", "struct Main { a @0 :Int8; b @1 :Text; }"),
              ElementsAre("b @1: nothing here, Text there"));
  EXPECT_THAT(notes("struct Main { a @0 :Int8; b @1 :Text; }", "struct Main { a @0 :Int8; }"),
              ElementsAre("b @1: Text here, nothing there"));
  EXPECT_THAT(
      notes("enum M { a @0; } struct Main { m @0 :List(M); }", "enum M { a @0; b @1; } struct Main { m @0 :List(M); }"),
      ElementsAre("m[]: enumerant b @1: not here"));
}

TEST(SchemaDifference, lets_each_side_be_newer_in_a_type_of_its_own) {
  EXPECT_THAT(notes("struct P { x @0 :Int8; y @1 :Int8; } struct Main { p @0 :P; }",
                    "struct P { x @0 :Int8; } struct Main { p @0 :P; q @1 :P; }"),
              ElementsAre("q @1: nothing here, P there", "p.y @1: Int8 here, nothing there"));
}

TEST(SchemaDifference, lets_names_change_and_things_be_replaced_but_not_exchanged) {
  EXPECT_THAT(notes("struct Main { a @0 :Int8; }", "struct Main { b @0 :Int8; }"), ElementsAre("a @0: called b there"));
  EXPECT_THAT(notes("struct Main { a @0 :Int8; }", "struct Main { oldA @0 :Int8; a @1 :Text; }"),
              ElementsAre("a @0: called oldA there", "a @1: nothing here, Text there"));
  EXPECT_THAT(mismatches("struct Main { x @0 :Int8; y @1 :Int8; }", "struct Main { y @0 :Int8; x @1 :Int8; }"),
              ElementsAre("x: @0 here, @1 there", "y: @1 here, @0 there"));
  EXPECT_THAT(
      mismatches("enum M { a @0; b @1; } struct Main { m @0 :M; }", "enum M { b @0; a @1; } struct Main { m @0 :M; }"),
      ElementsAre("m: enumerant a: @0 here, @1 there", "m: enumerant b: @1 here, @0 there"));
  EXPECT_THAT(notes("enum M { a @0; } struct Main { m @0 :M; }", "enum M { b @0; } struct Main { m @0 :M; }"),
              ElementsAre("m: enumerant a @0: called b there"));
}

TEST(SchemaDifference, names_the_path_the_ordinal_and_both_types) {
  EXPECT_THAT(mismatches("struct Main { a @0 :UInt32; }", "struct Main { a @0 :Int32; }"),
              ElementsAre("a @0: UInt32 here, Int32 there"));
  EXPECT_THAT(mismatches("struct P { x @0 :Float32; } struct Main { p @0 :List(List(P)); }",
                         "struct P { x @0 :Float64; } struct Main { p @0 :List(List(P)); }"),
              ElementsAre("p[][].x @0: Float32 here, Float64 there"));
  EXPECT_THAT(mismatches("struct Main { g :group { a @0 :Text; } }", "struct Main { g :group { a @0 :Data; } }"),
              ElementsAre("g.a @0: Text here, Data there"));
  EXPECT_THAT(mismatches("struct Box(T) { v @0 :T; } struct Main { b @0 :Box(Text); }",
                         "struct Box(T) { v @0 :T; } struct Main { b @0 :Box(List(Int8)); }"),
              ElementsAre("b.v @0: Text here, List(Int8) there"));
}

TEST(SchemaDifference, says_what_an_ordinal_became) {
  EXPECT_THAT(mismatches("struct Main { age @0 :UInt8; }", "struct Main { name @0 :Text; }"),
              ElementsAre("age @0: UInt8 here, name :Text there"));
  EXPECT_THAT(mismatches("struct P { x @0 :Int8; } struct Main { p :group { x @0 :Int8; } }",
                         "struct P { x @0 :Int8; } struct Main { p @0 :P; }"),
              ElementsAre("p.x @0: Int8 here, p :P there"));
}

TEST(SchemaDifference, holds_defaults_against_each_other) {
  EXPECT_THAT(mismatches("struct Main { a @0 :Int8 = -3; }", "struct Main { a @0 :Int8; }"),
              ElementsAre("a @0: default -3 here, 0 there"));
  EXPECT_THAT(mismatches("struct Main { a @0 :Text = \"x\"; }", "struct Main { a @0 :Text; }"),
              ElementsAre("a @0: default \"x\" here, none there"));
  EXPECT_THAT(mismatches("enum M { a @0; b @1; } struct Main { m @0 :M = b; }",
                         "enum M { a @0; b @1; } struct Main { m @0 :M; }"),
              ElementsAre("m @0: default b here, a there"));
  EXPECT_THAT(mismatches("struct Main { a @0 :List(Int8) = [1]; }", "struct Main { a @0 :List(Int8) = [2]; }"),
              ElementsAre("a @0: another default there"));
  EXPECT_THAT(notes("struct P { x @0 :Int8; } struct Main { p @0 :P = (x = 1); }",
                    "struct P { x @0 :Int8; y @1 :Text; } struct Main { p @0 :P = (x = 1); }"),
              ElementsAre("p.y @1: nothing here, Text there"));
}

TEST(SchemaDifference, lets_a_union_grow_and_be_put_around_a_field_but_nothing_else) {
  EXPECT_THAT(notes("struct Main { union { a @0 :Int8; b @1 :Text; } }",
                    "struct Main { union { a @0 :Int8; b @1 :Text; c @2 :Int64; } }"),
              ElementsAre("c @2: nothing here, Int64 there"));
  EXPECT_THAT(notes("struct Main { a @0 :Int8; }", "struct Main { union { a @0 :Int8; b @1 :Int16; } }"),
              ElementsAre("a @0: in no union here, in a union there", "b @1: nothing here, Int16 there"));
  EXPECT_THAT(
      mismatches("struct Main { a @0 :Int8; b @1 :Text; }", "struct Main { union { a @0 :Int8; b @1 :Text; } }"),
      ElementsAre("a @0: in no union here, in a union there", "b @1: in no union here, in a union there"));
  EXPECT_THAT(mismatches("struct Main { union { a @0 :Int8; b @1 :Text; } c @2 :Data; }",
                         "struct Main { union { a @0 :Int8; b @1 :Text; c @2 :Data; } }"),
              ElementsAre("c @2: in no union here, in a union there"));
}

TEST(SchemaDifference, lets_a_field_move_into_a_group_and_a_list_of_values_become_one_of_structs) {
  EXPECT_THAT(notes("struct Main { a @0 :Int8; }", "struct Main { g :group { a @0 :Int8; b @1 :Int8; } }"),
              ElementsAre("a @0: called g.a there", "g.b @1: nothing here, Int8 there"));
  EXPECT_THAT(notes("struct V { v @0 :UInt32; } struct Main { a @0 :List(UInt32); }",
                    "struct V { v @0 :UInt32; } struct Main { a @0 :List(V); }"),
              ElementsAre("a @0: List(UInt32) here, List(V) there"));
  EXPECT_THAT(mismatches("struct V { v @0 :Bool; } struct Main { a @0 :List(Bool); }",
                         "struct V { v @0 :Bool; } struct Main { a @0 :List(V); }"),
              ElementsAre("a @0: List(Bool) here, List(V) there"));
}

TEST(SchemaDifference, lets_a_type_become_generic) {
  EXPECT_THAT(notes("struct Box { v @0 :Text; } struct Main { b @0 :Box; }",
                    "struct Box(T) { v @0 :T; } struct Main { b @0 :Box(Text); }"),
              IsEmpty());
}

TEST(SchemaDifference, ends_on_types_that_contain_themselves_and_on_generics_that_grow) {
  const std::string tree = "struct Main { left @0 :Main; all @1 :List(Main); v @2 :";
  EXPECT_THAT(mismatches(tree + "Int8; }", tree + "Int16; }"), ElementsAre("v @2: Int8 here, Int16 there"));
  const std::string grow = "struct Box(T) { in @0 :T; } struct G(T) { next @0 :G(Box(T)); v @1 :T; w @2 :";
  EXPECT_THAT(
      mismatches(grow + "Int8; } struct Main { g @0 :G(Text); }", grow + "Int16; } struct Main { g @0 :G(Text); }")
          .front(),
      "g.w @2: Int8 here, Int16 there");
}

TEST(SchemaDifference, is_summed_up_in_as_many_bytes_as_there_are) {
  std::string here = "struct Main {", there = here;
  for (int i = 0; i < 30; ++i) {
    here += " field" + std::to_string(i) + " @" + std::to_string(i) + " :Int8;";
    there += " field" + std::to_string(i) + " @" + std::to_string(i) + " :Text;";
  }
  const auto difference = difference_of(main_of(here + "}"), main_of(there + "}"));
  EXPECT_EQ(difference.mismatches, 30u);
  EXPECT_EQ(difference.summary(120), "field0 @0: Int8 here, Text there; field1 @1: Int8 here, Text there; and 28 more");
  for (size_t bytes = 1; bytes < 2000; ++bytes)
    EXPECT_LE(difference.summary(bytes).size(), std::max<size_t>(bytes, 20));
  EXPECT_THAT(difference.summary(2000), EndsWith("field29 @29: Int8 here, Text there"));
}

TEST(SchemaDifference, of_all_a_message_can_hold_is_none_after_a_bundle) {
  EXPECT_THAT(difference_of(zoo(), Schema::from_bundle(zoo().bundle())).lines, IsEmpty());
  // The same file with its types renamed is another fingerprint, and compared field by field.
  std::string renamed(kZoo);
  for (size_t i = 0; (i = renamed.find("Color", i)) != std::string::npos;) renamed.replace(i, 5, "Shade");
  for (size_t i = 0; (i = renamed.find("Zoo", i)) != std::string::npos;) renamed.replace(i, 3, "Ark");
  const auto ark = parse_text(renamed, "Ark");
  EXPECT_NE(ark, zoo());
  EXPECT_THAT(said(difference_of(zoo(), ark), true), IsEmpty());
  EXPECT_THAT(said(difference_of(zoo(), ark), false), IsEmpty());
}

// ---- bundles from anybody

template <typename Change>
std::vector<std::byte> changed(const Schema& schema, Change&& change) {
  const auto bytes = schema.bundle();
  capnp::FlatArrayMessageReader whole(
      kj::arrayPtr(reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / sizeof(capnp::word)));
  capnp::MallocMessageBuilder message;
  message.setRoot(whole.getRoot<capnp::schema::CodeGeneratorRequest>());
  change(message.getRoot<capnp::schema::CodeGeneratorRequest>());
  const auto words = capnp::messageToFlatArray(message);
  const auto span = as_span(words);
  return {span.begin(), span.end()};
}

TEST(SchemaBundle, is_refused_for_names_that_cannot_be_shown) {
  const Schema honest = main_of("struct Main(T) { a @0 :T; }");
  for (const std::string& name : {std::string(300, 'x'), std::string("two\nlines"), std::string("\x1b[2J"),
                                  std::string("caf\xe9"), std::string("\xed\xa0\x80")}) {
    const auto of_a_field =
        changed(honest, [&](auto request) { request.getNodes()[0].getStruct().getFields()[0].setName(name.c_str()); });
    EXPECT_EQ(error_of([&] { Schema::from_bundle(of_a_field); }).code(), Code::bad_schema);
    const auto of_a_parameter =
        changed(honest, [&](auto request) { request.getNodes()[0].getParameters()[0].setName(name.c_str()); });
    EXPECT_EQ(error_of([&] { Schema::from_bundle(of_a_parameter); }).code(), Code::bad_schema);
  }
}

TEST(SchemaBundle, with_more_nodes_or_bytes_than_anybody_needs_is_refused) {
  EXPECT_EQ(error_of([&] { Schema::from_bundle(std::vector<std::byte>((4u << 20) + 8)); }).code(), Code::bad_schema);
  const auto bytes = changed(main_of("struct Main { a @0 :Int8; }"), [&](auto request) {
    auto node = request.disownNodes();
    auto nodes = request.initNodes(4097);
    for (unsigned i = 0; i < nodes.size(); ++i) nodes.setWithCaveats(i, node.get()[0]);
  });
  EXPECT_THAT(error_of([&] { Schema::from_bundle(bytes); }).what(), testing::HasSubstr("1 to 4096"));
}

TEST(SchemaBundle, whose_group_contains_itself_is_compared_or_refused_but_not_for_ever) {
  const Schema honest = main_of("struct Main { g :group { a @0 :Int8; h :group { b @1 :Int8; } } }");
  const auto bytes = changed(honest, [&](auto request) {
    for (auto node : request.getNodes()) {
      for (auto field : node.getStruct().getFields())
        if (field.isGroup() && node.getStruct().getIsGroup()) field.getGroup().setTypeId(node.getId());
    }
  });
  try {
    const Schema round = Schema::from_bundle(bytes);
    EXPECT_FALSE(difference_of(honest, round).lines.empty());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::bad_schema);
  }
}

}  // namespace
}  // namespace polybus::test

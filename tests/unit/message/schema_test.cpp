#include <capnp/schema.capnp.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "bus/message/sha256.hpp"
#include "tests/unit/message/fixtures.hpp"

namespace polybus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Sha256, gives_the_digests_of_the_standard) {
  auto digest_of = [](std::string_view text) {
    bus::Sha256 hash;
    hash.update(std::as_bytes(std::span(text)));
    auto digest = hash.finish();
    return std::vector<int>(digest.begin(), digest.begin() + 4);
  };
  EXPECT_THAT(digest_of(""), ElementsAre(0xe3, 0xb0, 0xc4, 0x42));
  EXPECT_THAT(digest_of("abc"), ElementsAre(0xba, 0x78, 0x16, 0xbf));
  EXPECT_THAT(digest_of(std::string(1000000, 'a')), ElementsAre(0xcd, 0xc7, 0x6e, 0x5c));
  EXPECT_THAT(digest_of(std::string(56, 'a')), ElementsAre(0xb3, 0x54, 0x39, 0xa4));
}

TEST(SchemaFile, names_its_structs_in_source_order) {
  Folder folder;
  auto file = Schema::parse_file(folder.write("zoo.capnp", kZoo));
  EXPECT_THAT(file.names(), ElementsAre("Point", "Empty", "Box", "Zoo", "Zoo.Nested", "Zoo.Nested.Deeper"));
  EXPECT_EQ(file.at("Zoo.Nested.Deeper").type_name(), "zoo.capnp:Zoo.Nested.Deeper");
}

TEST(SchemaFile, says_what_there_is_when_a_name_is_wrong) {
  Folder folder;
  auto file = Schema::parse_file(folder.write("p.capnp", "@0xb0e1c2d3a4f59601;\nstruct Imu {} struct Gps {}"));
  auto error = error_of([&] { file.at("Imus"); });
  EXPECT_EQ(error.code(), Code::bad_schema);
  EXPECT_STREQ(error.what(), "p.capnp has no struct called Imus; it has Imu, Gps");
}

TEST(SchemaFile, says_which_file_is_missing) {
  auto error = error_of([] { Schema::parse_file("/nowhere/imu.capnp"); });
  EXPECT_EQ(error.code(), Code::io);
  EXPECT_STREQ(error.what(), "cannot read the schema file /nowhere/imu.capnp: no such file");
  EXPECT_EQ(error_of([] { Schema::parse_file("/tmp"); }).code(), Code::io);
}

TEST(SchemaFile, reports_every_mistake_with_its_place) {
  Folder folder;
  auto path = folder.write("bad.capnp", "@0xb0e1c2d3a4f59602;\nstruct A {\n  x @0 :Nope;\n  y @1 :Nada;\n}\n");
  auto error = error_of([&] { Schema::parse_file(path).at("A"); });
  EXPECT_EQ(error.code(), Code::bad_schema);
  EXPECT_EQ(error.what(), path + ":3:9: Not defined: Nope\n" + path + ":4:9: Not defined: Nada");
}

TEST(SchemaFile, reports_broken_syntax_and_a_missing_id) {
  Folder folder;
  auto syntax = folder.write("syntax.capnp", "@0xb0e1c2d3a4f59603;\nstruct {");
  EXPECT_THAT(error_of([&] { Schema::parse_file(syntax); }).what(), HasSubstr(syntax + ":2:9: "));
  auto no_id = folder.write("no_id.capnp", "struct A {}");
  EXPECT_THAT(error_of([&] { Schema::parse_file(no_id); }).what(), HasSubstr("File does not declare an ID"));
}

TEST(SchemaFile, refuses_brackets_that_would_overflow_the_parsers_stack) {
  Folder folder;
  std::string deep = "@0xb0e1c2d3a4f59604;\nstruct A { x @0 :";
  for (int i = 0; i < 200000; ++i) deep += "List(";
  auto error = error_of([&] { Schema::parse_file(folder.write("deep.capnp", deep)); });
  EXPECT_EQ(error.code(), Code::bad_schema);
  EXPECT_THAT(error.what(), HasSubstr("nested too deeply"));
}

TEST(SchemaFile, finds_imports_beside_itself_in_given_folders_and_in_the_systems) {
  Folder folder, library;
  folder.write("parts/pose.capnp", "@0xb0e1c2d3a4f59605;\nstruct Pose { x @0 :Float32; }");
  library.write("units/time.capnp", "@0xb0e1c2d3a4f59606;\nstruct Time { ns @0 :UInt64; }");
  auto path = folder.write("main.capnp", R"(@0xb0e1c2d3a4f59607;
    using Cxx = import "/capnp/c++.capnp";
    using Time = import "/units/time.capnp".Time;
    using Same = import "units/time.capnp".Time;
    $Cxx.namespace("test");
    struct Main { pose @0 :import "parts/pose.capnp".Pose; time @1 :Time; same @2 :Same; })");
  auto schema = Schema::parse_file(path, {library.at("")}).at("Main");
  EXPECT_EQ(schema.struct_schema().getFields().size(), 3u);

  auto error = error_of([&] { Schema::parse_file(path); });
  EXPECT_EQ(error.code(), Code::bad_schema);
  EXPECT_THAT(error.what(), HasSubstr(path + ":3:"));
  EXPECT_THAT(error.what(), HasSubstr("Import failed: /units/time.capnp"));
}

TEST(SchemaFile, loads_equal_ids_with_different_content_side_by_side) {
  auto first = parse_text("@0xb0e1c2d3a4f59608;\nstruct A @0xb0e1c2d3a4f59609 { x @0 :UInt8; }", "A");
  auto second = parse_text("@0xb0e1c2d3a4f59608;\nstruct A @0xb0e1c2d3a4f59609 { y @0 :Text; }", "A");
  EXPECT_EQ(first.id(), second.id());
  EXPECT_NE(first, second);
  EXPECT_STREQ(first.struct_schema().getFields()[0].getProto().getName().cStr(), "x");
  EXPECT_STREQ(second.struct_schema().getFields()[0].getProto().getName().cStr(), "y");
}

TEST(Schema, survives_a_bundle_with_its_fingerprint) {
  auto copy = Schema::from_bundle(zoo().bundle());
  EXPECT_EQ(copy.fingerprint(), zoo().fingerprint());
  EXPECT_EQ(copy.fingerprint().size(), 64u);
  EXPECT_EQ(copy.fingerprint_prefix(), zoo().fingerprint_prefix());
  EXPECT_EQ(copy.type_name(), "zoo.capnp:Zoo");
  EXPECT_EQ(copy.id(), zoo().id());
  EXPECT_TRUE(std::equal(copy.bundle().begin(), copy.bundle().end(), zoo().bundle().begin(), zoo().bundle().end()));
}

TEST(Schema, gives_the_first_bytes_of_its_fingerprint_as_they_lie) {
  uint64_t prefix = zoo().fingerprint_prefix();
  uint8_t first = std::strtoul(zoo().fingerprint().substr(0, 2).c_str(), nullptr, 16);
  EXPECT_EQ(reinterpret_cast<const uint8_t*>(&prefix)[0], first);
}

TEST(Schema, has_the_same_fingerprint_from_generated_code_and_from_the_file) {
  auto parsed = Schema::parse_file("/usr/include/capnp/schema.capnp").at("Node");
  const auto& compiled = Schema::of<capnp::schema::Node>();
  EXPECT_EQ(parsed.fingerprint(), compiled.fingerprint());
  EXPECT_EQ(parsed.type_name(), "schema.capnp:Node");
  EXPECT_EQ(compiled.type_name(), "schema.capnp:Node");
  EXPECT_TRUE(compiled.struct_schema() == capnp::Schema::from<capnp::schema::Node>());
  EXPECT_EQ(Schema::from_bundle(compiled.bundle()), parsed);
}

TEST(Schema, has_a_fingerprint_that_ignores_what_does_not_matter_on_the_wire) {
  constexpr std::string_view kHead = "@0xb0e1c2d3a4f5960a;\n";
  std::string head(kHead);
  auto base = parse_text(head + "struct A { x @0 :UInt8; y @1 :Text; }", "A");
  EXPECT_EQ(base, parse_text(head + "# a comment\nstruct B {} struct A { y @1 :Text; x @0 :UInt8; # why\n}", "A",
                             "elsewhere.capnp"));
  EXPECT_NE(base, parse_text(head + "struct A { x @0 :UInt8; y @1 :Data; }", "A"));
  EXPECT_NE(base, parse_text(head + "struct A { x @0 :UInt8 = 1; y @1 :Text; }", "A"));
  EXPECT_NE(base, parse_text(head + "struct A { x @0 :UInt8; y @1 :Text; z @2 :Bool; }", "A"));
}

TEST(Schema, finds_types_that_are_used_as_type_arguments_only) {
  auto schema = parse_text(R"(@0xb0e1c2d3a4f5960b;
    struct Box(T) { value @0 :T; }
    struct First { a @0 :UInt8; } struct Second { b @0 :UInt8; } struct Third { c @0 :UInt8; }
    struct Main { one @0 :Box(First); two @1 :List(Box(Second)); three @2 :Box(Box(List(Third))); })",
                           "Main");
  auto copy = Schema::from_bundle(schema.bundle());
  EXPECT_EQ(copy, schema);
  auto third = copy.struct_schema().getFieldByName("three").getType().asStruct().getFieldByName("value").getType();
  auto list = third.asStruct().getFieldByName("value").getType().asList();
  EXPECT_STREQ(list.getStructElementType().getUnqualifiedName().cStr(), "Third");
}

TEST(Schema, refuses_bundles_that_are_none) {
  auto code_of = [](std::span<const std::byte> bytes) { return error_of([&] { Schema::from_bundle(bytes); }).code(); };
  std::vector<std::byte> empty, zeros(64), large(5 << 20);
  EXPECT_EQ(code_of(empty), Code::bad_schema);
  EXPECT_EQ(code_of(zeros), Code::bad_schema);
  EXPECT_EQ(code_of(large), Code::bad_schema);
  EXPECT_EQ(code_of(zoo().bundle().first(zoo().bundle().size() - 8)), Code::bad_schema);
}

TEST(Schema, refuses_a_bundle_that_lacks_a_type) {
  capnp::FlatArrayMessageReader whole(
      kj::arrayPtr(reinterpret_cast<const capnp::word*>(zoo().bundle().data()), zoo().bundle().size() / 8));
  auto nodes = whole.getRoot<capnp::schema::CodeGeneratorRequest>().getNodes();
  capnp::MallocMessageBuilder message;
  auto fewer = message.initRoot<capnp::schema::CodeGeneratorRequest>().initNodes(nodes.size() - 1);
  for (unsigned i = 0; i < fewer.size(); ++i) fewer.setWithCaveats(i, nodes[i]);
  auto words = capnp::messageToFlatArray(message);
  EXPECT_THAT(error_of([&] { Schema::from_bundle(as_span(words)); }).what(), HasSubstr("referred to but not in it"));
}

}  // namespace
}  // namespace polybus::test

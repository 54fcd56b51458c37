#include "bus/message/field_table.hpp"

#include <gmock/gmock.h>

#include <bit>
#include <polybus/error.hpp>

#include "bus/message/schema_state.hpp"
#include "tests/unit/message/fixtures.hpp"

namespace polybus::test {
namespace {

using bus::FieldEntry;
using bus::FieldTable;
using bus::Kind;
using bus::StructEntry;
using testing::ElementsAre;

const FieldTable& table() { return bus::fields_of(zoo()); }

const FieldEntry& field(const StructEntry& of, std::string_view name) {
  for (const auto& entry : of.fields) {
    if (entry.name == name) return entry;
  }
  throw std::runtime_error("no field " + std::string(name));
}

const FieldEntry& field(std::string_view name) { return field(table().root(), name); }
const StructEntry& struct_of(const FieldEntry& entry) { return table().structs.at(entry.type.index); }

std::vector<std::string> names(const StructEntry& of) {
  std::vector<std::string> all;
  for (const auto& entry : of.fields) all.push_back(entry.name);
  return all;
}

TEST(FieldTable, has_the_root_type_first) {
  EXPECT_EQ(table().root().name, "Zoo");
  EXPECT_EQ(table().root().id, zoo().id());
  EXPECT_FALSE(table().root().is_group);
}

TEST(FieldTable, agrees_with_capnp_on_the_size_of_every_struct) {
  auto proto = zoo().struct_schema().getProto().getStruct();
  EXPECT_EQ(table().root().data_words, proto.getDataWordCount());
  EXPECT_EQ(table().root().pointer_count, proto.getPointerCount());
}

TEST(FieldTable, lists_fields_in_source_order_not_by_ordinal) {
  auto schema = parse_text("@0xb0e1c2d3a4f59611;\nstruct A { c @2 :Bool; a @0 :Bool; b @1 :Bool; }", "A");
  EXPECT_THAT(names(bus::fields_of(schema).root()), ElementsAre("c", "a", "b"));
}

TEST(FieldTable, gives_scalars_their_place_and_default_bits) {
  EXPECT_EQ(field("flag").default_bits, 1u);
  EXPECT_EQ(field("i32").default_bits, static_cast<uint32_t>(-70000));
  EXPECT_EQ(field("u32").default_bits, 3000000001u);
  EXPECT_EQ(field("f64").default_bits, std::bit_cast<uint64_t>(0.5));
  EXPECT_EQ(field("color").default_bits, 1u);
  EXPECT_EQ(field("i8").bit_offset, 8u);
  EXPECT_EQ(field("i8").discriminant, -1);
}

TEST(FieldTable, describes_list_types_by_depth) {
  EXPECT_EQ(field("matrix").type.kind, Kind::float64);
  EXPECT_EQ(field("matrix").type.list_depth, 2);
  EXPECT_EQ(bus::type_text(table(), field("matrix").type), "List(List(Float64))");
  EXPECT_EQ(bus::type_text(table(), field("path").type), "List(Point)");
  EXPECT_EQ(bus::type_text(table(), field("colors").type), "List(Color)");
  EXPECT_EQ(table().enums.at(field("colors").type.index).enumerants,
            (std::vector<std::string>{"red", "green", "blue"}));
}

TEST(FieldTable, gives_groups_entries_that_share_the_structs_sizes) {
  const auto& pose = struct_of(field("pose"));
  EXPECT_TRUE(field("pose").is_group);
  EXPECT_TRUE(pose.is_group);
  EXPECT_EQ(pose.name, "Zoo.pose");
  EXPECT_EQ(pose.data_words, table().root().data_words);
  EXPECT_THAT(names(pose), ElementsAre("heading", "at"));
}

TEST(FieldTable, knows_unions_and_their_tags) {
  EXPECT_EQ(table().root().union_field_count, 4u);
  EXPECT_EQ(field("none").discriminant, 0);
  EXPECT_EQ(field("area").discriminant, 3);
  const auto& shape = struct_of(field("shape"));
  EXPECT_EQ(shape.union_field_count, 2u);
  EXPECT_EQ(field(shape, "square").discriminant, 1);
  EXPECT_NE(shape.union_bit_offset, table().root().union_bit_offset);
}

TEST(FieldTable, keeps_the_default_of_a_pointer_as_a_message) {
  EXPECT_EQ(field("name").default_frame.size(), 0u);
  const auto& frame = field("title").default_frame;
  capnp::FlatArrayMessageReader message(frame);
  auto root = message.getRoot<capnp::AnyStruct>();
  EXPECT_STREQ(root.getPointerSection()[0].getAs<capnp::Text>().cStr(), "untitled");
}

TEST(FieldTable, keeps_apart_the_uses_of_a_generic_type) {
  const auto& text_box = struct_of(field("boxed"));
  const auto& list_box = struct_of(field("boxes"));
  EXPECT_EQ(field(text_box, "value").type.kind, Kind::text);
  EXPECT_EQ(field(list_box, "value").type.kind, Kind::int16);
  EXPECT_EQ(field(list_box, "value").type.list_depth, 1);
  EXPECT_EQ(field("any").type.kind, Kind::any);
}

TEST(FieldTable, refers_to_a_type_that_contains_itself_by_its_index) { EXPECT_EQ(field("child").type.index, 0); }

TEST(FieldTable, ends_for_generic_types_that_use_themselves_ever_deeper) {
  auto schema = parse_text(R"(@0xb0e1c2d3a4f59612;
    struct Box(T) { inner @0 :T; } struct Deep(T) { value @0 :T; next @1 :Deep(Box(T)); }
    struct Main { deep @0 :Deep(Text); })",
                           "Main");
  const auto& structs = bus::fields_of(schema).structs;
  EXPECT_LT(structs.size(), 100u);
  EXPECT_EQ(Schema::from_bundle(schema.bundle()), schema);
}

// 32 uses of a type that uses `inner` others each time.
std::string text_of_many_uses(int inner) {
  std::string text = "@0xb0e1c2d3a4f59613;\nstruct Outer(T) {";
  for (int i = 0; i < inner; ++i)
    text += "f" + std::to_string(i) + " @" + std::to_string(i) + " :G" + std::to_string(i) + "(T);";
  text += "}\nstruct Main {";
  for (int i = 0; i < 32; ++i)
    text += "u" + std::to_string(i) + " @" + std::to_string(i) + " :Outer(A" + std::to_string(i) + ");";
  text += "}\n";
  for (int i = 0; i < 32; ++i) text += "struct A" + std::to_string(i) + " {}\n";
  for (int i = 0; i < inner; ++i) text += "struct G" + std::to_string(i) + "(T) { v @0 :T; }\n";
  return text;
}

TEST(FieldTable, has_room_for_65536_struct_types_each_use_of_a_generic_one_counted) {
  // Main, Outer and A0 to A31 beside them.
  EXPECT_EQ(bus::fields_of(parse_text(text_of_many_uses(2045), "Main")).structs.size(), 1u + 32 + 32 + 32 * 2045);
  try {
    bus::fields_of(parse_text(text_of_many_uses(2047), "Main"));
    ADD_FAILURE() << "more types than there may be";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::bad_schema);
    EXPECT_THAT(error.what(), testing::HasSubstr("more than 65536 struct types"));
  }
}

TEST(FieldTable, is_the_same_for_a_loaded_bundle) {
  auto copy = Schema::from_bundle(zoo().bundle());
  const auto& other = bus::fields_of(copy);
  ASSERT_EQ(other.structs.size(), table().structs.size());
  for (size_t i = 0; i < other.structs.size(); ++i) {
    EXPECT_EQ(other.structs[i].name, table().structs[i].name);
    ASSERT_EQ(names(other.structs[i]), names(table().structs[i]));
    for (size_t j = 0; j < other.structs[i].fields.size(); ++j) {
      const auto &a = other.structs[i].fields[j], &b = table().structs[i].fields[j];
      EXPECT_EQ(a.bit_offset, b.bit_offset);
      EXPECT_EQ(a.pointer_index, b.pointer_index);
      EXPECT_EQ(bus::type_text(other, a.type), bus::type_text(table(), b.type));
    }
  }
}

}  // namespace
}  // namespace polybus::test

// Reading and building through the C interface.
#include <gmock/gmock.h>
#include <polybus/polybus.h>

#include <cstring>

#include "adapters/c/src/schema_handle.hpp"
#include "tests/unit/message/fixtures.hpp"

namespace polybus::test {
namespace {

using testing::HasSubstr;

// A handle, closed at the end of its block.
template <typename T, void (*close)(T*)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T* handle) : handle_(handle) {}
  ~Handle() { close(handle_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  T** out() { return &handle_; }
  operator T*() const { return handle_; }

 private:
  T* handle_ = nullptr;
};
using SchemaHandle = Handle<polybus_schema, polybus_schema_release>;
using FileHandle = Handle<polybus_schema_file, polybus_schema_file_close>;
using MessageHandle = Handle<polybus_message, polybus_message_close>;
using BuilderHandle = Handle<polybus_builder, polybus_builder_close>;

const polybus_field& field(const polybus_struct_info& info, std::string_view name) {
  for (uint32_t i = 0; i < info.field_count; ++i) {
    if (info.fields[i].name == name) return info.fields[i];
  }
  throw std::runtime_error("no field " + std::string(name));
}

class MessageAbi : public testing::Test {
 protected:
  // Opens the frame of a Zoo that `fill` built.
  template <typename Fill>
  void open(Fill&& fill) {
    frame_ = frame_of(zoo(), fill);
    ASSERT_EQ(polybus_message_open(frame_.begin(), as_span(frame_).size(), message_.out(), &root_, &err_), POLYBUS_OK)
        << err_.message;
  }
  const polybus_struct_info& info(size_t index = 0) { return polybus_schema_structs(schema_, nullptr)[index]; }
  const polybus_field& field(std::string_view name) { return test::field(info(), name); }
  polybus_type element(std::string_view name) {
    auto type = field(name).type;
    --type.list_depth;
    return type;
  }
  template <typename T>
  T scalar(const polybus_struct& from, const polybus_field& of) {
    uint64_t bits = 0;
    if (of.bit_offset + sizeof(T) * 8 <= from.data_bits) std::memcpy(&bits, from.data + of.bit_offset / 8, sizeof(T));
    bits ^= of.default_bits;
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  std::string text(const polybus_struct& from, std::string_view name) {
    const char* text = nullptr;
    size_t size = 0;
    EXPECT_EQ(polybus_struct_get_text(&from, field(name).pointer_index, &text, &size, &err_), POLYBUS_OK)
        << err_.message;
    return {text, size};
  }

  SchemaHandle schema_{c::make_schema_handle(zoo())};
  polybus_error err_{};
  kj::Array<capnp::word> frame_;
  MessageHandle message_;
  polybus_struct root_{};
};

TEST(SchemaAbi, goes_from_a_file_to_a_bundle_and_back) {
  Folder folder;
  auto path = folder.write("zoo.capnp", kZoo);
  polybus_error err{};
  FileHandle file;
  ASSERT_EQ(polybus_schema_file_parse(path.c_str(), nullptr, 0, file.out(), &err), POLYBUS_OK) << err.message;
  EXPECT_EQ(polybus_schema_file_count(file), 6u);
  EXPECT_STREQ(polybus_schema_file_name(file, 5), "Zoo.Nested.Deeper");
  EXPECT_EQ(polybus_schema_file_name(file, 6), nullptr);
  SchemaHandle schema, copy;
  ASSERT_EQ(polybus_schema_file_get(file, "Zoo", schema.out(), &err), POLYBUS_OK) << err.message;
  size_t size = 0;
  const void* bundle = polybus_schema_bundle(schema, &size);
  ASSERT_EQ(polybus_schema_from_bundle(bundle, size, copy.out(), &err), POLYBUS_OK) << err.message;
  EXPECT_STREQ(polybus_schema_fingerprint(copy), polybus_schema_fingerprint(schema));
  EXPECT_STREQ(polybus_schema_type_name(copy), "zoo.capnp:Zoo");
  EXPECT_EQ(polybus_schema_id(copy), polybus_schema_id(schema));
}

TEST(SchemaAbi, gives_codes_and_texts_for_what_is_wrong) {
  polybus_error err{};
  FileHandle file;
  SchemaHandle schema;
  EXPECT_EQ(polybus_schema_file_parse("/nowhere.capnp", nullptr, 0, file.out(), &err), POLYBUS_IO);
  EXPECT_EQ(err.code, POLYBUS_IO);
  EXPECT_THAT(err.message, HasSubstr("/nowhere.capnp"));
  EXPECT_EQ(polybus_schema_file_parse(nullptr, nullptr, 0, file.out(), &err), POLYBUS_INVALID_ARGUMENT);
  EXPECT_EQ(polybus_schema_from_bundle("12345678", 8, schema.out(), nullptr), POLYBUS_BAD_SCHEMA);
}

TEST(SchemaAbi, cuts_long_texts_at_a_whole_character) {
  Folder folder;
  std::string name;
  for (int i = 0; i < 80; ++i) name += "äöü";
  auto path = folder.at(name.substr(0, 60) + "/" + name.substr(0, 240) + "/" + name.substr(0, 240));
  polybus_error err{};
  FileHandle file;
  ASSERT_NE(polybus_schema_file_parse(path.c_str(), nullptr, 0, file.out(), &err), POLYBUS_OK);
  size_t size = std::strlen(err.message);
  EXPECT_GE(size, 510u);
  EXPECT_NE(static_cast<unsigned char>(err.message[size - 1]) & 0xc0, 0xc0) << "half a character at the end";
}

TEST(SchemaAbi, keeps_a_schema_until_its_last_release) {
  polybus_schema* schema = c::make_schema_handle(zoo());
  EXPECT_EQ(polybus_schema_retain(schema), schema);
  polybus_schema_release(schema);
  EXPECT_STREQ(polybus_schema_type_name(schema), "zoo.capnp:Zoo");
  polybus_schema_release(schema);
  polybus_schema_release(nullptr);
}

TEST_F(MessageAbi, reads_scalars_by_loading_them) {
  open([](auto root) {
    root.set("i32", -5);
    root.set("f32", 1.5f);
    root.set("u64", UINT64_MAX);
  });
  EXPECT_EQ(scalar<int32_t>(root_, field("i32")), -5);
  EXPECT_EQ(scalar<float>(root_, field("f32")), 1.5f);
  EXPECT_EQ(scalar<uint64_t>(root_, field("u64")), UINT64_MAX);
  EXPECT_EQ(scalar<uint32_t>(root_, field("u32")), 3000000001u) << "its default";
}

TEST_F(MessageAbi, tells_what_is_not_there_from_what_is_empty) {
  open([](auto root) {
    root.set("name", "");
    root.init("raw", 0);
    root.init("bits", 0);
  });
  EXPECT_EQ(text(root_, "name"), "");
  const char* text;
  const void* data;
  size_t size = 1;
  polybus_list list;
  polybus_struct origin;
  EXPECT_EQ(polybus_struct_get_text(&root_, field("title").pointer_index, &text, &size, &err_), POLYBUS_EMPTY);
  EXPECT_EQ(polybus_struct_get_data(&root_, field("raw").pointer_index, &data, &size, &err_), POLYBUS_OK);
  EXPECT_EQ(size, 0u);
  EXPECT_EQ(polybus_struct_get_list(&root_, field("bits").pointer_index, element("bits"), &list, &err_), POLYBUS_OK);
  EXPECT_EQ(list.count, 0u);
  EXPECT_EQ(polybus_struct_get_list(&root_, field("path").pointer_index, element("path"), &list, &err_), POLYBUS_EMPTY);
  EXPECT_EQ(polybus_struct_get_struct(&root_, field("origin").pointer_index, &origin, &err_), POLYBUS_EMPTY);
  EXPECT_EQ(polybus_struct_get_text(&root_, 10000, &text, &size, &err_), POLYBUS_EMPTY) << "older than the field";
  EXPECT_EQ(err_.code, 0) << "nothing there is no error";
}

TEST_F(MessageAbi, reads_the_default_of_a_pointer_from_its_frame) {
  const auto& title = field("title");
  MessageHandle defaults;
  polybus_struct holder;
  ASSERT_EQ(polybus_message_open(title.default_frame, title.default_frame_size, defaults.out(), &holder, &err_),
            POLYBUS_OK);
  const char* text;
  size_t size;
  ASSERT_EQ(polybus_struct_get_text(&holder, 0, &text, &size, &err_), POLYBUS_OK);
  EXPECT_EQ(std::string(text, size), "untitled");
}

TEST_F(MessageAbi, describes_lists_of_scalars_so_that_they_can_be_viewed) {
  open([](auto root) {
    auto rows = root.init("matrix", 2).template as<capnp::DynamicList>();
    auto row = rows.init(1, 3).template as<capnp::DynamicList>();
    row.set(0, 1.0), row.set(1, 2.0), row.set(2, 3.0);
    auto bits = root.init("bits", 10).template as<capnp::DynamicList>();
    bits.set(9, true);
    root.init("voids", 7);
  });
  polybus_list rows, row, bits, voids;
  ASSERT_EQ(polybus_struct_get_list(&root_, field("matrix").pointer_index, element("matrix"), &rows, &err_), 0);
  EXPECT_EQ(rows.count, 2u);
  polybus_type number{POLYBUS_KIND_FLOAT64, 0, -1};
  EXPECT_EQ(polybus_list_get_list(&rows, 0, number, &row, &err_), POLYBUS_EMPTY);
  ASSERT_EQ(polybus_list_get_list(&rows, 1, number, &row, &err_), POLYBUS_OK);
  EXPECT_EQ(row.count, 3u);
  EXPECT_EQ(row.stride_bits, 64u);
  EXPECT_EQ(reinterpret_cast<const double*>(row.data)[2], 3.0);
  ASSERT_EQ(polybus_struct_get_list(&root_, field("bits").pointer_index, element("bits"), &bits, &err_), 0);
  EXPECT_EQ(bits.stride_bits, 1u);
  EXPECT_EQ(bits.data[1], 2u);
  ASSERT_EQ(polybus_struct_get_list(&root_, field("voids").pointer_index, element("voids"), &voids, &err_), 0);
  EXPECT_EQ(voids.count, 7u);
  EXPECT_EQ(voids.stride_bits, 0u);
}

TEST_F(MessageAbi, describes_lists_of_structs_and_gives_each) {
  open([](auto root) {
    auto path = root.init("path", 3).template as<capnp::DynamicList>();
    path[2].template as<capnp::DynamicStruct>().set("y", 4.0f);
  });
  polybus_list path;
  ASSERT_EQ(polybus_struct_get_list(&root_, field("path").pointer_index, element("path"), &path, &err_), 0);
  EXPECT_EQ(path.stride_bits, 64u);
  EXPECT_EQ(path.struct_data_bits, 64u);
  polybus_struct point;
  ASSERT_EQ(polybus_list_get_struct(&path, 2, &point, &err_), POLYBUS_OK);
  EXPECT_EQ(scalar<float>(point, test::field(info(element("path").index), "y")), 4.0f);
  EXPECT_EQ(polybus_list_get_struct(&path, 3, &point, &err_), POLYBUS_INVALID_ARGUMENT);
  EXPECT_STREQ(err_.message, "index 3 of a list of 3");
}

TEST_F(MessageAbi, reads_a_list_of_structs_as_the_list_of_their_first_fields) {
  auto newer =
      parse_text("@0xb0e1c2d3a4f59621;\nstruct A { l @0 :List(P); } struct P { x @0 :UInt32; t @1 :Text; }", "A");
  auto frame = frame_of(newer, [](auto root) {
    auto list = root.init("l", 2).template as<capnp::DynamicList>();
    list[1].template as<capnp::DynamicStruct>().set("x", 77);
  });
  ASSERT_EQ(polybus_message_open(frame.begin(), as_span(frame).size(), message_.out(), &root_, &err_), POLYBUS_OK);
  polybus_list list;
  ASSERT_EQ(polybus_struct_get_list(&root_, 0, {POLYBUS_KIND_UINT32, 0, -1}, &list, &err_), POLYBUS_OK);
  EXPECT_EQ(list.stride_bits, 128u);
  uint32_t second;
  std::memcpy(&second, list.data + list.stride_bits / 8, sizeof second);
  EXPECT_EQ(second, 77u);
}

TEST_F(MessageAbi, refuses_pointers_that_are_of_another_kind) {
  open([](auto root) { root.set("name", "kea"); });
  polybus_struct out;
  polybus_list list;
  EXPECT_EQ(polybus_struct_get_struct(&root_, field("name").pointer_index, &out, &err_), POLYBUS_BAD_MESSAGE);
  EXPECT_THAT(err_.message, HasSubstr("non-struct"));
  EXPECT_EQ(polybus_struct_get_list(&root_, field("name").pointer_index, {POLYBUS_KIND_FLOAT64, 0, -1}, &list, &err_),
            POLYBUS_BAD_MESSAGE);
  EXPECT_EQ(polybus_struct_get_list(&root_, field("name").pointer_index, {99, 0, -1}, &list, &err_),
            POLYBUS_INVALID_ARGUMENT);
}

TEST_F(MessageAbi, refuses_to_follow_a_message_into_itself) {
  // A struct of one pointer that points at itself.
  uint64_t bytes[] = {uint64_t{2} << 32, uint64_t{1} << 48, 0x1'0000'fffffffc};
  ASSERT_EQ(polybus_message_open(bytes, sizeof bytes, message_.out(), &root_, &err_), POLYBUS_OK) << err_.message;
  int code = POLYBUS_OK, depth = 0;
  for (polybus_struct next = root_; code == POLYBUS_OK && depth < 1000; ++depth) {
    code = polybus_struct_get_struct(&next, 0, &next, &err_);
  }
  EXPECT_EQ(code, POLYBUS_BAD_MESSAGE);
  EXPECT_LT(depth, 70);
}

class BuilderAbi : public MessageAbi {
 protected:
  void SetUp() override {
    ASSERT_EQ(polybus_builder_open(schema_, builder_.out(), &built_, &err_), POLYBUS_OK) << err_.message;
  }
  capnp::DynamicStruct::Reader read() {
    const void* data;
    size_t size;
    EXPECT_EQ(polybus_builder_frame(builder_, &data, &size, &err_), POLYBUS_OK) << err_.message;
    auto words = kj::arrayPtr(static_cast<const capnp::word*>(data), size / 8);
    reader_ = std::make_unique<capnp::FlatArrayMessageReader>(words);
    return reader_->getRoot<capnp::DynamicStruct>(zoo().struct_schema());
  }
  uint32_t pointer(std::string_view name) { return field(name).pointer_index; }
  std::pair<uint16_t, uint16_t> size_of(std::string_view name) {
    const auto& type = info(field(name).type.index);
    return {type.data_words, type.pointer_count};
  }

  BuilderHandle builder_;
  polybus_struct_builder built_{};
  std::unique_ptr<capnp::FlatArrayMessageReader> reader_;
};

TEST_F(BuilderAbi, builds_what_capnp_reads) {
  uint32_t bits = static_cast<uint32_t>(-3) ^ static_cast<uint32_t>(field("i32").default_bits);
  std::memcpy(built_.data + field("i32").bit_offset / 8, &bits, sizeof bits);
  ASSERT_EQ(polybus_struct_set_text(&built_, pointer("name"), "k\0a", 3, &err_), POLYBUS_OK);
  ASSERT_EQ(polybus_struct_set_data(&built_, pointer("raw"), "\1\2", 2, &err_), POLYBUS_OK);
  auto [data_words, pointer_count] = size_of("path");
  polybus_list_builder path, names, rows, row;
  ASSERT_EQ(
      polybus_struct_init_list(&built_, pointer("path"), element("path"), 2, data_words, pointer_count, &path, &err_),
      POLYBUS_OK);
  polybus_struct_builder point;
  ASSERT_EQ(polybus_list_edit_struct(&path, 1, &point, &err_), POLYBUS_OK);
  reinterpret_cast<float*>(point.data)[1] = 2.5f;
  ASSERT_EQ(polybus_struct_init_list(&built_, pointer("names"), element("names"), 2, 0, 0, &names, &err_), POLYBUS_OK);
  ASSERT_EQ(polybus_list_set_text(&names, 1, "moa", 3, &err_), POLYBUS_OK);
  ASSERT_EQ(polybus_struct_init_list(&built_, pointer("matrix"), element("matrix"), 1, 0, 0, &rows, &err_), POLYBUS_OK);
  ASSERT_EQ(polybus_list_init_list(&rows, 0, {POLYBUS_KIND_FLOAT64, 0, -1}, 2, 0, 0, &row, &err_), POLYBUS_OK);
  reinterpret_cast<double*>(row.data)[1] = 0.25;

  auto root = read();
  EXPECT_EQ(root.get("i32").as<int32_t>(), -3);
  EXPECT_EQ(root.get("name").as<capnp::Text>(), capnp::Text::Reader("k\0a", 3));
  EXPECT_EQ(root.get("raw").as<capnp::Data>().size(), 2u);
  EXPECT_EQ(root.get("path").as<capnp::DynamicList>()[1].as<capnp::DynamicStruct>().get("y").as<float>(), 2.5f);
  EXPECT_STREQ(root.get("names").as<capnp::DynamicList>()[1].as<capnp::Text>().cStr(), "moa");
  EXPECT_EQ(root.get("matrix").as<capnp::DynamicList>()[0].as<capnp::DynamicList>()[1].as<double>(), 0.25);
}

TEST_F(BuilderAbi, edits_what_is_there_and_says_when_nothing_is) {
  auto [data_words, pointer_count] = size_of("origin");
  polybus_struct_builder origin, again;
  EXPECT_EQ(polybus_struct_edit_struct(&built_, pointer("origin"), data_words, pointer_count, &again, &err_),
            POLYBUS_EMPTY);
  ASSERT_EQ(polybus_struct_init_struct(&built_, pointer("origin"), data_words, pointer_count, &origin, &err_),
            POLYBUS_OK);
  ASSERT_EQ(polybus_struct_edit_struct(&built_, pointer("origin"), data_words, pointer_count, &again, &err_),
            POLYBUS_OK);
  EXPECT_EQ(origin.data, again.data);
  uint8_t* data;
  size_t size;
  EXPECT_EQ(polybus_struct_edit_data(&built_, pointer("raw"), &data, &size, &err_), POLYBUS_EMPTY);
  ASSERT_EQ(polybus_struct_init_data(&built_, pointer("raw"), 5, &data, &err_), POLYBUS_OK);
  data[4] = 9;
  ASSERT_EQ(polybus_struct_edit_data(&built_, pointer("raw"), &data, &size, &err_), POLYBUS_OK);
  EXPECT_EQ(size, 5u);
  EXPECT_EQ(data[4], 9);
  ASSERT_EQ(polybus_struct_clear_pointer(&built_, pointer("raw"), &err_), POLYBUS_OK);
  EXPECT_FALSE(read().has("raw"));
}

TEST_F(BuilderAbi, keeps_large_data_whole_and_zeroes_behind_it) {
  std::string bytes(300001, 'x');
  ASSERT_EQ(polybus_struct_set_data(&built_, pointer("raw"), bytes.data(), bytes.size(), &err_), POLYBUS_OK);
  ASSERT_EQ(polybus_struct_set_text(&built_, pointer("name"), bytes.data(), bytes.size(), &err_), POLYBUS_OK);
  auto root = read();
  EXPECT_EQ(root.get("raw").as<capnp::Data>().size(), bytes.size());
  EXPECT_EQ(root.get("name").as<capnp::Text>(), capnp::Text::Reader(bytes.data(), bytes.size()));
  EXPECT_EQ(root.get("raw").as<capnp::Data>().end()[0], 0);
}

TEST_F(BuilderAbi, refuses_what_cannot_be) {
  polybus_list_builder list;
  EXPECT_EQ(polybus_struct_set_text(&built_, 500, "x", 1, &err_), POLYBUS_INVALID_ARGUMENT);
  EXPECT_EQ(polybus_struct_set_data(&built_, 0, nullptr, 1, &err_), POLYBUS_INVALID_ARGUMENT);
  EXPECT_EQ(polybus_struct_init_list(&built_, 0, {POLYBUS_KIND_INT8, 0, -1}, 1u << 30, 0, 0, &list, &err_),
            POLYBUS_TOO_LARGE);
  EXPECT_EQ(polybus_struct_init_list(&built_, 0, {-1, 0, -1}, 1, 0, 0, &list, &err_), POLYBUS_INVALID_ARGUMENT);
  ASSERT_EQ(polybus_struct_init_list(&built_, 0, {POLYBUS_KIND_INT8, 0, -1}, 1, 0, 0, &list, &err_), POLYBUS_OK);
  EXPECT_EQ(polybus_list_set_text(&list, 0, "x", 1, &err_), POLYBUS_INVALID_ARGUMENT);
  EXPECT_EQ(polybus_list_set_text(&list, 1, "x", 1, &err_), POLYBUS_INVALID_ARGUMENT);
}

TEST_F(BuilderAbi, copies_structs_from_messages) {
  open([](auto root) {
    root.set("name", "kea");
    root.init("child").template as<capnp::DynamicStruct>().set("note", "deep");
  });
  ASSERT_EQ(polybus_struct_copy_all(&built_, &root_, &err_), POLYBUS_OK) << err_.message;
  ASSERT_EQ(polybus_struct_copy_struct(&built_, pointer("child"), &root_, &err_), POLYBUS_OK) << err_.message;
  auto child = read().get("child").as<capnp::DynamicStruct>();
  EXPECT_STREQ(child.get("name").as<capnp::Text>().cStr(), "kea");
  EXPECT_STREQ(child.get("child").as<capnp::DynamicStruct>().get("note").as<capnp::Text>().cStr(), "deep");
}

TEST_F(BuilderAbi, refuses_to_copy_a_message_that_refers_to_more_than_it_holds) {
  // Word 0: the table, 1: the root, 2: its one pointer, then eight lists of 16 pointers, each of which points at the
  // list behind: 16^8 ways through a kilobyte.
  auto list_pointer = [](size_t at, size_t list) {
    return uint64_t{16 << 3 | 6} << 32 | uint64_t{(list - at - 1) << 2 | 1};
  };
  std::vector<uint64_t> words(3 + 8 * 16);
  words[0] = uint64_t{words.size() - 1} << 32;
  words[1] = uint64_t{1} << 48;
  words[2] = list_pointer(2, 3);
  for (size_t at = 3; at < 3 + 7 * 16; ++at) words[at] = list_pointer(at, 3 + ((at - 3) / 16 + 1) * 16);
  ASSERT_EQ(polybus_message_open(words.data(), words.size() * 8, message_.out(), &root_, &err_), POLYBUS_OK)
      << err_.message;
  EXPECT_EQ(polybus_struct_copy_struct(&built_, 0, &root_, &err_), POLYBUS_BAD_MESSAGE);
  EXPECT_STREQ(err_.message, "message refers to more than it holds");
}

TEST_F(BuilderAbi, goes_from_json_to_a_message_and_back) {
  constexpr std::string_view kText = R"({"name":"kea","u64":"7","note":"n"})";
  ASSERT_EQ(polybus_struct_set_json(&built_, schema_, kText.data(), kText.size(), &err_), POLYBUS_OK) << err_.message;
  EXPECT_EQ(read().get("u64").as<uint64_t>(), 7u);
  const void* data;
  size_t size;
  ASSERT_EQ(polybus_builder_frame(builder_, &data, &size, &err_), POLYBUS_OK);
  char* json = nullptr;
  ASSERT_EQ(polybus_message_to_json(schema_, data, size, &json, &err_), POLYBUS_OK) << err_.message;
  EXPECT_THAT(json, HasSubstr(R"("u64":"7")"));
  EXPECT_THAT(json, HasSubstr(R"("note":"n")"));
  polybus_free(json);
  EXPECT_EQ(polybus_struct_set_json(&built_, schema_, "{\"u8\":256}", 10, &err_), POLYBUS_INVALID_ARGUMENT);
  EXPECT_STREQ(err_.message, "u8: expected UInt8 (0 to 255), got 256");
  EXPECT_EQ(polybus_message_to_json(schema_, data, size - 8, &json, &err_), POLYBUS_BAD_MESSAGE);
}

TEST_F(BuilderAbi, shows_what_is_being_built) {
  ASSERT_EQ(polybus_struct_set_text(&built_, pointer("name"), "kea", 3, &err_), POLYBUS_OK);
  polybus_struct view;
  ASSERT_EQ(polybus_struct_as_reader(&built_, &view, &err_), POLYBUS_OK);
  EXPECT_EQ(text(view, "name"), "kea");
}

}  // namespace
}  // namespace polybus::test

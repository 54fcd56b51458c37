// Bytes from anybody, by the thousand: exceptions are fine, reading beyond the end, hanging and crashing are not.
// `make hostile` does a million of them.
#include <capnp/dynamic.h>
#include <polybus/polybus.h>

#include "adapters/c/src/schema_handle.hpp"
#include "bus/message/frame.hpp"
#include "bus/message/json.hpp"
#include "bus/message/schema_difference.hpp"
#include "bus/message/schema_state.hpp"
#include "bus/message/schema_text.hpp"
#include "tests/unit/message/hostile_fixtures.hpp"

namespace polybus::test {
namespace {

// Reads a message as an adapter does: field tables and the C interface's getters.
class Walk {
 public:
  explicit Walk(const polybus_schema* schema) : structs_(polybus_schema_structs(schema, nullptr)) {}

  void read(std::span<const std::byte> bytes) {
    left_ = 100000;
    polybus_message* message = nullptr;
    polybus_struct root;
    if (polybus_message_open(bytes.data(), bytes.size(), &message, &root, nullptr) != POLYBUS_OK) return;
    read_struct(structs_[0], root);
    polybus_message_close(message);
  }
  uint64_t sum() const { return sum_; }

 private:
  void read_bytes(const void* data, uint64_t size) {
    for (uint64_t i = 0; i < size; ++i) sum_ += static_cast<const uint8_t*>(data)[i];
  }

  void read_struct(const polybus_struct_info& info, const polybus_struct& from) {
    if (left_-- <= 0) return;
    read_bytes(from.data, from.data_bits / 8);
    for (uint32_t i = 0; i < info.field_count; ++i) {
      const auto& field = info.fields[i];
      if (field.is_group) {
        read_struct(structs_[field.type.index], from);
      } else if (field.type.list_depth > 0) {
        polybus_list list;
        auto element = inner(field.type);
        if (polybus_struct_get_list(&from, field.pointer_index, element, &list, nullptr) == 0) read_list(element, list);
      } else if (field.type.kind == POLYBUS_KIND_STRUCT) {
        polybus_struct inner;
        if (polybus_struct_get_struct(&from, field.pointer_index, &inner, nullptr) == 0) {
          read_struct(structs_[field.type.index], inner);
        }
      } else if (field.type.kind == POLYBUS_KIND_TEXT) {
        const char* text;
        size_t size;
        if (polybus_struct_get_text(&from, field.pointer_index, &text, &size, nullptr) == 0) read_bytes(text, size);
      } else if (field.type.kind == POLYBUS_KIND_DATA) {
        const void* data;
        size_t size;
        if (polybus_struct_get_data(&from, field.pointer_index, &data, &size, nullptr) == 0) read_bytes(data, size);
      }
    }
  }

  void read_list(polybus_type element, const polybus_list& list) {
    bool is_scalar = element.list_depth == 0 && element.kind <= POLYBUS_KIND_ENUM;
    if (is_scalar && list.count > 0) {
      // The last element, the one nearest to the end.
      uint64_t bit = uint64_t{list.count - 1} * list.stride_bits;
      uint32_t bits = element.kind == POLYBUS_KIND_BOOL ? 1 : std::min(list.stride_bits, list.struct_data_bits);
      if (bits > 0) read_bytes(list.data + bit / 8, (bits + 7) / 8);
      return;
    }
    for (uint32_t i = 0; i < list.count && left_-- > 0; ++i) {
      polybus_struct inner_struct;
      polybus_list inner_list;
      const char* text;
      size_t size;
      if (element.list_depth > 0) {
        if (polybus_list_get_list(&list, i, inner(element), &inner_list, nullptr) == 0) {
          read_list(inner(element), inner_list);
        }
      } else if (element.kind == POLYBUS_KIND_STRUCT) {
        if (polybus_list_get_struct(&list, i, &inner_struct, nullptr) == 0) {
          read_struct(structs_[element.index], inner_struct);
        }
      } else if (polybus_list_get_text(&list, i, &text, &size, nullptr) == 0) {
        read_bytes(text, size);
      }
    }
  }

  static polybus_type inner(polybus_type type) { return {type.kind, type.list_depth - 1, type.index}; }

  const polybus_struct_info* structs_;
  int64_t left_ = 0;
  uint64_t sum_ = 0;
};

// The same with capnp's own dynamic interface, as a C++ program does with sample->msg().
class DynamicWalk {
 public:
  void read(std::span<const std::byte> bytes, capnp::StructSchema type) {
    left_ = 2000;
    try {
      bus::Frame frame(bytes);
      read_struct(frame.getRoot<capnp::DynamicStruct>(type));
    } catch (const Error&) {
      ++refused_;
    } catch (const kj::Exception&) {
      ++refused_;
    }
  }
  int read_count() const { return read_; }
  int refused_count() const { return refused_; }

 private:
  void read_value(const capnp::DynamicValue::Reader& value) {
    if (--left_ < 0) return;
    ++read_;
    switch (value.getType()) {
      case capnp::DynamicValue::STRUCT: read_struct(value.as<capnp::DynamicStruct>()); break;
      case capnp::DynamicValue::LIST: {
        auto list = value.as<capnp::DynamicList>();
        for (unsigned i = 0; i < list.size() && left_ > 0; ++i) read_value(list[i]);
        break;
      }
      case capnp::DynamicValue::TEXT: read_ += value.as<capnp::Text>().size() > 1000; break;
      case capnp::DynamicValue::DATA: read_ += value.as<capnp::Data>().size() > 1000; break;
      default: break;
    }
  }
  void read_struct(capnp::DynamicStruct::Reader from) {
    for (auto field : from.getSchema().getNonUnionFields()) {
      try {
        auto value = from.get(field);
        if (from.has(field))
          read_value(value);  // else a default, which nobody damaged, of a type that may contain itself
      } catch (const kj::Exception&) {
        ++refused_;  // the others are read all the same
      }
    }
    KJ_IF_MAYBE (active, from.which()) {
      auto value = from.get(*active);
      if (from.has(*active)) read_value(value);
    }
  }

  int left_ = 0, read_ = 0, refused_ = 0;
};

TEST(Hostile, messages_are_read_refused_or_copied_but_never_beyond_their_end) {
  GuardedMemory memory;
  Mutator mutate(1);
  const Subject& whole = subject();
  polybus_schema* schema = c::make_schema_handle(whole.schema);
  Walk walk(schema);
  int read = 0, refused = 0;
  for (int i = 0; i < rounds(5000); ++i) {
    auto bytes = memory.place(mutate(whole.any(mutate)));
    try {
      read += !bus::to_json(whole.schema, bytes).empty();
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), Code::bad_message) << error.what();
      ++refused;
    }
    walk.read(bytes);
  }
  EXPECT_GT(read, 0);
  EXPECT_GT(refused, 0);
  EXPECT_GT(walk.sum(), 0u);
  polybus_schema_release(schema);
}

TEST(Hostile, messages_are_read_by_name_or_refused) {
  GuardedMemory memory;
  Mutator mutate(6);
  DynamicWalk walk;
  const Subject& whole = subject();
  for (int i = 0; i < rounds(5000); ++i)
    walk.read(memory.place(mutate(whole.any(mutate))), whole.schema.struct_schema());
  EXPECT_GT(walk.read_count(), rounds(5000));
  EXPECT_GT(walk.refused_count(), 0);
}

TEST(Hostile, messages_are_copied_or_refused) {
  GuardedMemory memory;
  Mutator mutate(2);
  const Subject& whole = subject();
  polybus_schema* schema = c::make_schema_handle(whole.schema);
  int copied = 0, refused = 0;
  for (int i = 0; i < rounds(2000); ++i) {
    auto bytes = memory.place(mutate(whole.any(mutate)));
    polybus_message* message = nullptr;
    polybus_struct root;
    if (polybus_message_open(bytes.data(), bytes.size(), &message, &root, nullptr) != POLYBUS_OK) continue;
    polybus_builder* builder;
    polybus_struct_builder to;
    ASSERT_EQ(polybus_builder_open(schema, &builder, &to, nullptr), POLYBUS_OK);
    polybus_error err{};
    int code = polybus_struct_copy_all(&to, &root, &err);
    ASSERT_TRUE(code == POLYBUS_OK || code == POLYBUS_BAD_MESSAGE) << err.message;
    ++(code == POLYBUS_OK ? copied : refused);
    polybus_builder_close(builder);
    polybus_message_close(message);
  }
  EXPECT_GT(copied, 0);
  EXPECT_GT(refused, 0);
  polybus_schema_release(schema);
}

TEST(Hostile, bundles_are_loaded_or_refused) {
  GuardedMemory memory;
  Mutator mutate(3);
  const Schema& type = subject().schema;
  std::string whole = as_string(type.bundle());
  const std::string& frame = subject().frames.front();
  int loaded = 0, refused = 0;
  for (int i = 0; i < rounds(1000); ++i) {
    try {
      auto schema = Schema::from_bundle(memory.place(mutate(whole)));
      (void)bus::fields_of(schema);
      (void)bus::difference_of(schema, type);
      (void)bus::difference_of(type, schema);
      (void)bus::schema_text(schema);
      ++loaded;
      (void)bus::to_json(schema, std::as_bytes(std::span(frame)));
    } catch (const Error& error) {
      ASSERT_TRUE(error.code() == Code::bad_schema || error.code() == Code::bad_message) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(loaded, 0);
  EXPECT_GT(refused, 0);
}

TEST(Hostile, bundles_are_loaded_or_refused_through_the_C_interface) {
  GuardedMemory memory;
  Mutator mutate(7);
  std::string whole = as_string(subject().schema.bundle());
  const std::string& frame = subject().frames.front();
  int loaded = 0, refused = 0;
  for (int i = 0; i < rounds(1000); ++i) {
    auto bytes = memory.place(mutate(whole));
    polybus_schema* schema = nullptr;
    polybus_error err{};
    int code = polybus_schema_from_bundle(bytes.data(), bytes.size(), &schema, &err);
    if (code != POLYBUS_OK) {
      ASSERT_EQ(code, POLYBUS_BAD_SCHEMA) << err.message;
      ++refused;
      continue;
    }
    ++loaded;
    ASSERT_EQ(std::strlen(polybus_schema_fingerprint(schema)), 64u);
    ASSERT_NE(polybus_schema_structs(schema, nullptr), nullptr);
    Walk(schema).read(std::as_bytes(std::span(frame)));
    polybus_schema_release(schema);
  }
  EXPECT_GT(loaded, 0);
  EXPECT_GT(refused, 0);
}

TEST(Hostile, json_is_taken_or_refused) {
  Mutator mutate(4);
  int taken = 0, refused = 0;
  for (int i = 0; i < rounds(5000); ++i) {
    try {
      capnp::MallocMessageBuilder message;
      bus::from_json(zoo(), mutate(std::string(kZooJson)), message);
      ++taken;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), Code::invalid_argument) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(taken, 0);
  EXPECT_GT(refused, 0);
}

TEST(Hostile, schema_files_are_parsed_or_refused) {
  Folder folder;
  Mutator mutate(5);
  int parsed = 0, refused = 0;
  for (int i = 0; i < rounds(200); ++i) {
    try {
      auto file = Schema::parse_file(folder.write("zoo.capnp", mutate(std::string(kZoo))));
      for (const auto& name : file.names()) (void)file.at(name);
      ++parsed;
    } catch (const Error& error) {
      ASSERT_TRUE(error.code() == Code::bad_schema || error.code() == Code::io) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(parsed + refused, 0);
}

}  // namespace
}  // namespace polybus::test

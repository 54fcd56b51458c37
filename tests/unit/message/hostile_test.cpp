// Bytes from anybody, by the thousand: exceptions are fine, reading beyond the end, hanging and crashing are not.
// POLYBUS_FUZZ_FACTOR=100 does a hundred times as many.
#include <capnp/dynamic.h>
#include <polybus/polybus.h>
#include <sys/mman.h>

#include <cstdlib>
#include <random>

#include "adapters/c/src/schema_handle.hpp"
#include "bus/message/frame.hpp"
#include "bus/message/json.hpp"
#include "bus/message/schema_difference.hpp"
#include "bus/message/schema_state.hpp"
#include "bus/message/schema_text.hpp"
#include "tests/unit/message/fixtures.hpp"

namespace polybus::test {
namespace {

constexpr std::string_view kZooJson =
    R"({"i64":"-4","name":"kea","title":"untitled","raw":"/w==","origin":{"x":1,"y":2},"path":[{"x":0,"y":0},{"x":1}],)"
    R"("bits":[true,false,true],"matrix":[[1],[],[2,3]],"names":["a","bc"],"colors":["red"],"voids":[null],)"
    R"("empties":[{},{}],"pose":{"heading":1,"at":{"x":3}},"area":{"width":5},"boxed":{"value":"in","label":"out"},)"
    R"("boxes":[{"value":[1,2]},{"label":"l"}],"child":{"note":"inner","child":{"names":["x"]}},"blobs":["AA==",""]})";

int rounds(int usual) {
  const char* factor = std::getenv("POLYBUS_FUZZ_FACTOR");
  return usual * (factor != nullptr ? std::atoi(factor) : 1);
}

// Memory whose end is the end of what may be read.
class GuardedMemory {
 public:
  GuardedMemory() {
    void* memory = ::mmap(nullptr, kBytes + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    base_ = static_cast<std::byte*>(memory);
    ::mprotect(base_ + kBytes, kPage, PROT_NONE);
  }
  ~GuardedMemory() { ::munmap(base_, kBytes + kPage); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  std::span<const std::byte> place(const std::string& bytes) {
    std::byte* begin = base_ + kBytes - bytes.size();
    std::memcpy(begin, bytes.data(), bytes.size());
    return {begin, bytes.size()};
  }

 private:
  static constexpr size_t kBytes = 1 << 16, kPage = 4096;
  std::byte* base_;
};

// One to four bytes changed, now and then the end cut off.
class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  std::string operator()(std::string bytes) {
    for (uint32_t left = 1 + below(4); left > 0; --left) {
      char& byte = bytes[below(bytes.size())];
      switch (below(3)) {
        case 0: byte = static_cast<char>(byte ^ 1 << below(8)); break;
        case 1: byte = static_cast<char>(random_()); break;
        default: byte = '\xff'; break;
      }
    }
    if (below(8) == 0) bytes.resize(below(bytes.size() / 8 + 1) * 8);
    return bytes;
  }
  uint32_t below(size_t bound) { return static_cast<uint32_t>(random_() % bound); }

 private:
  std::mt19937 random_;
};

std::string as_string(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

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
        read_value(from.get(field));
      } catch (const kj::Exception&) {
        ++refused_;  // the others are read all the same
      }
    }
    KJ_IF_MAYBE (active, from.which()) read_value(from.get(*active));
  }

  int left_ = 0, read_ = 0, refused_ = 0;
};

std::string zoo_frame() {
  capnp::MallocMessageBuilder message(20, capnp::AllocationStrategy::FIXED_SIZE);  // several segments, far pointers
  bus::from_json(zoo(), kZooJson, message);
  return as_string(as_span(capnp::messageToFlatArray(message)));
}

TEST(Hostile, messages_are_read_refused_or_copied_but_never_beyond_their_end) {
  GuardedMemory memory;
  Mutator mutate(1);
  polybus_schema* schema = c::make_schema_handle(zoo());
  Walk walk(schema);
  std::string whole = zoo_frame();
  int read = 0, refused = 0;
  for (int i = 0; i < rounds(5000); ++i) {
    auto bytes = memory.place(mutate(whole));
    try {
      read += !bus::to_json(zoo(), bytes).empty();
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
  std::string whole = zoo_frame();
  for (int i = 0; i < rounds(5000); ++i) walk.read(memory.place(mutate(whole)), zoo().struct_schema());
  EXPECT_GT(walk.read_count(), rounds(5000));
  EXPECT_GT(walk.refused_count(), 0);
}

TEST(Hostile, messages_are_copied_or_refused) {
  GuardedMemory memory;
  Mutator mutate(2);
  polybus_schema* schema = c::make_schema_handle(zoo());
  std::string whole = zoo_frame();
  int copied = 0, refused = 0;
  for (int i = 0; i < rounds(2000); ++i) {
    auto bytes = memory.place(mutate(whole));
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
  std::string whole = as_string(zoo().bundle()), frame = zoo_frame();
  int loaded = 0, refused = 0;
  for (int i = 0; i < rounds(1000); ++i) {
    try {
      auto schema = Schema::from_bundle(memory.place(mutate(whole)));
      (void)bus::fields_of(schema);
      (void)bus::difference_of(schema, zoo());
      (void)bus::difference_of(zoo(), schema);
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

// Schemas and messages for the tests of bus/message.
#pragma once

#include <capnp/dynamic.h>
#include <capnp/message.h>
#include <capnp/serialize.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <polybus/schema.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/lifetime.hpp"

namespace polybus::test {

// A folder of its own, gone with the object.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "polybus-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
    lifetime::note_folder('+', path_);
  }
  ~Folder() {
    std::filesystem::remove_all(path_);
    lifetime::note_folder('-', path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string write(const std::string& name, std::string_view text) const {
    auto path = path_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  std::string at(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// One of everything a message can hold.
inline constexpr std::string_view kZoo = R"(@0xb0e1c2d3a4f59687;
enum Color { red @0; green @1; blue @2; }
struct Point { x @0 :Float32; y @1 :Float32; }
struct Empty {}
interface Door { open @0 (key :Text) -> (); }
struct Box(T) { value @0 :T; label @1 :Text; }
struct Zoo {
  flag @0 :Bool = true;
  i8 @1 :Int8;
  i16 @2 :Int16;
  i32 @3 :Int32 = -70000;
  i64 @4 :Int64;
  u8 @5 :UInt8;
  u16 @6 :UInt16;
  u32 @7 :UInt32 = 3000000001;
  u64 @8 :UInt64;
  f32 @9 :Float32;
  f64 @10 :Float64 = 0.5;
  nothing @11 :Void;
  color @12 :Color = green;
  name @13 :Text;
  title @14 :Text = "untitled";
  raw @15 :Data;
  origin @16 :Point;
  path @17 :List(Point);
  bits @18 :List(Bool);
  matrix @19 :List(List(Float64));
  names @20 :List(Text);
  colors @21 :List(Color);
  voids @22 :List(Void);
  empties @23 :List(Empty);
  pose :group { heading @24 :Float32; at @25 :Point; }
  union {
    none @26 :Void;
    count @27 :UInt32;
    note @28 :Text;
    area :group { width @29 :UInt16; height @30 :UInt16; }
  }
  shape :union { circle @31 :Float32; square @32 :Float32; }
  boxed @33 :Box(Text);
  boxes @34 :List(Box(List(Int16)));
  any @35 :AnyPointer;
  child @36 :Zoo;
  struct Nested { depth @0 :UInt8; struct Deeper { id @0 :UInt64; } }
  nested @37 :Nested.Deeper;
  blobs @38 :List(Data);
  door @39 :Door;
}
)";

inline Schema parse_text(std::string_view text, std::string_view name, const std::string& file = "zoo.capnp") {
  Folder folder;
  return Schema::parse_file(folder.write(file, text)).at(name);
}

inline const Schema& zoo() {
  static const Schema schema = parse_text(kZoo, "Zoo");
  return schema;
}

inline std::span<const std::byte> as_span(const kj::Array<capnp::word>& words) {
  return {reinterpret_cast<const std::byte*>(words.begin()), words.size() * sizeof(capnp::word)};
}

// The frame of a message that `fill` built.
template <typename Fill>
kj::Array<capnp::word> frame_of(const Schema& schema, Fill&& fill) {
  capnp::MallocMessageBuilder message;
  fill(message.initRoot<capnp::DynamicStruct>(schema.struct_schema()));
  return capnp::messageToFlatArray(message);
}

// The Error that `body` throws.
template <typename Body>
Error error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return Error(Code::ok, "");
}

}  // namespace polybus::test

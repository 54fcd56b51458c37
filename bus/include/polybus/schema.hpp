// What a topic's messages mean: a Cap'n Proto struct type with all it refers to.
#pragma once

#include <capnp/schema.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <polybus/error.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polybus {

namespace bus {
struct SchemaState;
struct SchemaFileState;
}  // namespace bus

class SchemaFile;

// Immutable, shared by its copies, usable from any thread.
class POLYBUS_API Schema {
 public:
  // The type of generated code: Schema::of<Imu>(). Made once per type.
  template <typename T>
  static const Schema& of() {
    static const Schema schema = from_struct(capnp::Schema::from<T>());
    return schema;
  }
  // Parses a .capnp file at run time. Imports are looked up relative to the file, then in `import_paths`, then in
  // /usr/include and /usr/local/include. Each call parses on its own, so files that use the same ids for different
  // things may be loaded side by side.
  //   throws   Error(io): no such file; Error(bad_schema): one line "file:line:column: message" per mistake
  static SchemaFile parse_file(const std::string& path, const std::vector<std::string>& import_paths = {});
  // A schema bundle: a CodeGeneratorRequest in stream framing with all nodes the first one, the root type, refers to.
  // The bytes may come from anybody: they are checked, and copied.
  //   throws   Error(bad_schema)
  static Schema from_bundle(std::span<const std::byte> bundle);
  // A struct type from anywhere in Cap'n Proto. What generated code or a loader owns must outlive the schema.
  static Schema from_struct(capnp::StructSchema type);

  std::span<const std::byte> bundle() const noexcept;
  // 64 hexadecimal digits: SHA-256 over what matters on the wire. Comments, paths, the order of source lines and types
  // that are not referred to do not change it.
  const std::string& fingerprint() const noexcept;
  // The first 8 of its 32 bytes, as they lie in memory.
  uint64_t fingerprint_prefix() const noexcept;
  // "imu.capnp:Imu": the file's name without folders, the type's with its outer types.
  const std::string& type_name() const noexcept;
  // Cap'n Proto's 64-bit type id.
  uint64_t id() const noexcept;
  // For capnp::DynamicStruct. Lives as long as any copy of the schema.
  capnp::StructSchema struct_schema() const noexcept;

  // Same meaning, that is, same fingerprint.
  friend bool operator==(const Schema& a, const Schema& b) noexcept { return a.fingerprint() == b.fingerprint(); }

  // For the library's own use.
  explicit Schema(std::shared_ptr<const bus::SchemaState> state) : state_(std::move(state)) {}
  const bus::SchemaState& state() const noexcept { return *state_; }

 private:
  std::shared_ptr<const bus::SchemaState> state_;
};

// One parsed .capnp file. Cheap to copy, usable from any thread.
class POLYBUS_API SchemaFile {
 public:
  // All struct types of the file in source order, nested ones as "Outer.Inner".
  const std::vector<std::string>& names() const noexcept;
  //   throws   Error(bad_schema), naming what there is
  Schema at(std::string_view name) const;
  // The constants of the file, or of the struct called `scope`, as a type with a field for each, whose default is the
  // constant's value: capnp::DynamicStruct::Reader of an empty message has them all. None where there are none.
  std::optional<Schema> constants(std::string_view scope = {}) const;

  // For the library's own use.
  explicit SchemaFile(std::shared_ptr<bus::SchemaFileState> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<bus::SchemaFileState> state_;
};

}  // namespace polybus

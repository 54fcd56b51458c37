// A .capnp file on disk as Cap'n Proto's parser wants it, with its mistakes collected instead of thrown one by one.
#pragma once

#include <capnp/schema-parser.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace polybus::bus {

// What one parse shares among the file and all it imports.
struct ParseRun {
  std::vector<std::filesystem::path> import_paths;  // searched in this order, after the importing file's own folder
  std::vector<std::string> mistakes;                // "file:line:column: message"
};

class SourceFile final : public capnp::SchemaFile {
 public:
  // Reads the file; throws Error(io) where that does not work.
  SourceFile(std::shared_ptr<ParseRun> run, std::filesystem::path path);

  kj::StringPtr getDisplayName() const override { return display_name_; }
  kj::Array<const char> readContent() const override;
  kj::Maybe<kj::Own<capnp::SchemaFile>> import(kj::StringPtr target) const override;
  bool operator==(const capnp::SchemaFile& other) const override;
  bool operator!=(const capnp::SchemaFile& other) const override { return !(*this == other); }
  size_t hashCode() const override;
  void reportError(SourcePos start, SourcePos end, kj::StringPtr message) const override;

 private:
  std::shared_ptr<ParseRun> run_;
  std::filesystem::path path_;      // as the user would find it
  std::filesystem::path identity_;  // without links and dots: the same file has one
  kj::String display_name_;         // without folders: part of what is sent to others
  std::string content_;
};

}  // namespace polybus::bus

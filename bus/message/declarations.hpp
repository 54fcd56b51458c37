// Where the types of a schema stand when they are written down in one file.
#pragma once

#include <capnp/schema.capnp.h>
#include <capnp/schema.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polybus::bus {

// A type, or a scope that is there only because types lie in it: that one is written as an empty struct.
struct Declaration {
  std::string name;
  uint64_t id = 0;            // 0: it needs none
  bool is_scope_only = true;  // else `type` says what it is
  capnp::Schema type;
  uint32_t scope_parameters = 0;  // of a generic scope whose definition is not known: so many are used
  std::vector<std::unique_ptr<Declaration>> inner;
};

class Declarations {
 public:
  // Throws Error(bad_schema) for names that cannot stand in a file.
  explicit Declarations(const std::vector<capnp::Schema>& closure);

  const Declaration& file() const noexcept { return file_; }
  // From the outermost scope to the type itself; empty: it is not declared.
  const std::vector<const Declaration*>& path_of(uint64_t id) const;
  std::string parameter_name(uint64_t scope_id, uint32_t index) const;
  // Is it the name of several things? Then a path that begins with it begins with a dot, which is the file.
  bool is_ambiguous(const std::string& name) const;

 private:
  void declare(const capnp::Schema& type);
  void note_parameters(const capnp::Schema& type);
  void note_parameters(capnp::schema::Type::Reader type);
  void note_paths(const Declaration& scope, const std::vector<const Declaration*>& path);

  Declaration file_;
  std::map<std::string, std::string> file_of_top_;  // the file that the outermost names come from
  std::map<uint64_t, Declaration*> by_id_;
  std::map<uint64_t, std::vector<const Declaration*>> paths_;
  std::map<std::string, int> times_named_;
};

}  // namespace polybus::bus

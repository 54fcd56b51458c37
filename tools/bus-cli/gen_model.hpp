// What `bus-cli gen` writes types for: all structs of a file and what they refer to, each once, under a name of its own.
#pragma once

#include <map>
#include <polybus/schema.hpp>
#include <string>
#include <vector>

#include "bus/message/field_table.hpp"

namespace polybus::cli {

// One struct type. A generic type has one for each way it is used: Box, Box_2.
struct GenStruct {
  std::string name;               // "Imu", "Imu_Bias", "Imu_place" for a group: letters, digits, "_"
  const bus::StructEntry* entry;  // into one of the tables below
  const bus::FieldTable* table;
};

class GenModel {
 public:
  // throws as Schema::parse_file
  GenModel(const std::string& path, const std::vector<std::string>& import_paths);

  // "imu" of "some/where/imu.capnp".
  const std::string& stem() const noexcept { return stem_; }
  // Structs and groups, those they refer to included.
  const std::vector<GenStruct>& structs() const noexcept { return structs_; }
  // The name under which what a field or element of kind struct refers to is found there.
  const std::string& name_of(const bus::FieldTable& table, int32_t index) const;
  // Types of the file by dotted name in source order, with the names of their structs.
  const std::vector<std::pair<std::string, std::string>>& types() const noexcept { return types_; }
  // The constants of a scope ("" is the file) as fields, null if there are none.
  const GenStruct* constants(const std::string& scope) const;

 private:
  void add(const bus::FieldTable& table);
  std::string name_struct(const bus::FieldTable& table, int32_t index);
  std::string signature(const bus::FieldTable& table, int32_t index, int depth) const;

  std::string stem_;
  std::vector<Schema> schemas_;  // own the tables
  std::vector<GenStruct> structs_;
  std::map<std::string, std::string> names_by_signature_;
  std::map<std::string, int> uses_;
  std::map<const bus::FieldTable*, std::vector<std::string>> names_;  // by index
  std::vector<std::pair<std::string, std::string>> types_;
  std::map<std::string, GenStruct> constants_;
};

}  // namespace polybus::cli

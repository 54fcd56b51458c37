#include "tools/bus-cli/gen_model.hpp"

#include <algorithm>
#include <filesystem>

#include "bus/message/schema_state.hpp"

namespace polybus::cli {
namespace {

// How deep two uses of a generic type are compared before they count as the same.
constexpr int kSignatureDepth = 4;

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

}  // namespace

GenModel::GenModel(const std::string& path, const std::vector<std::string>& import_paths)
    : stem_(std::filesystem::path(path).stem().string()) {
  const SchemaFile file = Schema::parse_file(path, import_paths);
  // What the file itself calls Box is Box; its uses with arguments are Box_2 and so on.
  for (const auto& name : file.names()) {
    schemas_.push_back(file.at(name));
    name_struct(bus::fields_of(schemas_.back()), 0);
  }
  for (size_t i = 0; i < file.names().size(); ++i) {
    const bus::FieldTable& table = bus::fields_of(schemas_[i]);
    add(table);
    types_.emplace_back(file.names()[i], name_of(table, 0));
  }
  std::vector<std::string> scopes = file.names();
  scopes.emplace_back();
  for (const auto& scope : scopes) {
    const auto found = file.constants(scope);
    if (!found) continue;
    schemas_.push_back(*found);
    add(bus::fields_of(schemas_.back()));
    constants_.emplace(scope, structs_.back());  // add() puts the root last
    structs_.pop_back();
  }
}

const std::string& GenModel::name_of(const bus::FieldTable& table, int32_t index) const {
  return names_.at(&table).at(static_cast<size_t>(index));
}

const GenStruct* GenModel::constants(const std::string& scope) const {
  auto found = constants_.find(scope);
  return found == constants_.end() ? nullptr : &found->second;
}

void GenModel::add(const bus::FieldTable& table) {
  auto& names = names_[&table];
  names.resize(table.structs.size());
  for (size_t i = table.structs.size(); i-- > 0;) names[i] = name_struct(table, static_cast<int32_t>(i));
}

std::string GenModel::name_struct(const bus::FieldTable& table, int32_t index) {
  const auto& entry = table.structs[static_cast<size_t>(index)];
  auto [known, is_new] = names_by_signature_.try_emplace(signature(table, index, kSignatureDepth));
  if (is_new) {
    const int uses = ++uses_[entry.name];
    known->second = with_underscores(entry.name) + (uses > 1 ? "_" + std::to_string(uses) : "");
    structs_.push_back({known->second, &entry, &table});
  }
  return known->second;
}

std::string GenModel::signature(const bus::FieldTable& table, int32_t index, int depth) const {
  const auto& entry = table.structs[static_cast<size_t>(index)];
  std::string text = entry.name + "#" + std::to_string(entry.id);
  if (depth == 0) return text;
  for (const auto& field : entry.fields) {
    text += "," + field.name + ":" + std::to_string(field.type.list_depth) + "*";
    text += field.type.kind == bus::Kind::struct_ ? "{" + signature(table, field.type.index, depth - 1) + "}"
                                                  : type_text(table, field.type);
  }
  return text;
}

}  // namespace polybus::cli

#include "bus/message/declarations.hpp"

#include <algorithm>
#include <polybus/error.hpp>

#include "bus/message/schema_state.hpp"

namespace polybus::bus {
namespace {

namespace schema = capnp::schema;

struct Place {
  std::string file;
  std::vector<std::string> names;  // outermost first
};

bool is_identifier(const std::string& name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && is_letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

// "imu.capnp:Outer.Inner"
Place place_of(const capnp::Schema& type) {
  const auto text = type.getProto().getDisplayName();
  const std::string display(without_folders({text.begin(), text.size()}));
  const size_t colon = display.find(':');
  Place place;
  if (colon != std::string::npos) place.file = display.substr(0, colon);
  for (size_t begin = colon == std::string::npos ? 0 : colon + 1; begin <= display.size();) {
    const size_t end = std::min(display.find('.', begin), display.size());
    place.names.push_back(display.substr(begin, end - begin));
    if (!is_identifier(place.names.back()))
      throw Error(Code::bad_schema, "schema: " + display + " is no name that could be written into a file");
    begin = end + 1;
  }
  return place;
}

// "time.capnp" → "TimeCapnp", for types whose names another file has already.
std::string scope_name(const std::string& file) {
  std::string name = "From";
  bool is_begin = true;
  for (const char c : file) {
    const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (is_word) name += is_begin && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    is_begin = !is_word;
  }
  return name;
}

Declaration& find_or_add(Declaration& scope, const std::string& name) {
  for (const auto& inner : scope.inner)
    if (inner->name == name) return *inner;
  scope.inner.push_back(std::make_unique<Declaration>());
  scope.inner.back()->name = name;
  return *scope.inner.back();
}

}  // namespace

Declarations::Declarations(const std::vector<capnp::Schema>& closure) {
  const auto is_group = [](const capnp::Schema& type) {
    return type.getProto().isStruct() && type.getProto().getStruct().getIsGroup();
  };
  for (const auto& type : closure)
    if (!is_group(type)) declare(type);
  for (const auto& type : closure) note_parameters(type);
  note_paths(file_, {});
}

void Declarations::declare(const capnp::Schema& type) {
  Place place = place_of(type);
  const auto [top, is_new] = file_of_top_.emplace(place.names.front(), place.file);
  if (!is_new && top->second != place.file) place.names.insert(place.names.begin(), scope_name(place.file));
  Declaration *scope = &file_, *at = &file_;
  for (const std::string& name : place.names) {
    scope = at;
    at = &find_or_add(*scope, name);
  }
  const auto proto = type.getProto();
  if (!at->is_scope_only)
    throw Error(Code::bad_schema, "schema: two types are called " + std::string(proto.getDisplayName().cStr()));
  at->is_scope_only = false;
  at->id = proto.getId();
  at->type = type;
  by_id_[at->id] = at;
  if (scope == &file_ || !scope->is_scope_only || proto.getScopeId() == 0) return;
  scope->id = proto.getScopeId();
  by_id_.emplace(scope->id, scope);
  // What makes it generic may be a parameter that it does not use.
  if (proto.getIsGeneric() && proto.getParameters().size() == 0)
    scope->scope_parameters = std::max(scope->scope_parameters, 1u);
}

void Declarations::note_parameters(const capnp::Schema& type) {
  if (!type.getProto().isStruct()) return;
  for (const auto field : type.getProto().getStruct().getFields())
    if (field.isSlot()) note_parameters(field.getSlot().getType());
}

void Declarations::note_parameters(schema::Type::Reader type) {
  if (type.isList()) return note_parameters(type.getList().getElementType());
  const auto note_brand = [&](schema::Brand::Reader brand) {
    for (const auto scope : brand.getScopes())
      if (scope.isBind())
        for (const auto binding : scope.getBind())
          if (binding.isType()) note_parameters(binding.getType());
  };
  if (type.isStruct()) note_brand(type.getStruct().getBrand());
  if (type.isEnum()) note_brand(type.getEnum().getBrand());
  if (!type.isAnyPointer() || !type.getAnyPointer().isParameter()) return;
  const auto parameter = type.getAnyPointer().getParameter();
  const auto scope = by_id_.find(parameter.getScopeId());
  if (scope != by_id_.end())
    scope->second->scope_parameters = std::max(scope->second->scope_parameters, parameter.getParameterIndex() + 1u);
}

void Declarations::note_paths(const Declaration& scope, const std::vector<const Declaration*>& path) {
  for (const auto& inner : scope.inner) {
    ++times_named_[inner->name];
    std::vector<const Declaration*> longer = path;
    longer.push_back(inner.get());
    if (inner->id != 0) paths_[inner->id] = longer;
    note_paths(*inner, longer);
  }
}

const std::vector<const Declaration*>& Declarations::path_of(uint64_t id) const {
  static const std::vector<const Declaration*> kNone;
  const auto found = paths_.find(id);
  return found == paths_.end() ? kNone : found->second;
}

std::string Declarations::parameter_name(uint64_t scope_id, uint32_t index) const {
  const auto scope = by_id_.find(scope_id);
  if (scope != by_id_.end() && !scope->second->is_scope_only) {
    const auto parameters = scope->second->type.getProto().getParameters();
    if (index < parameters.size()) return parameters[index].getName().cStr();
  }
  return "T" + std::to_string(index);
}

bool Declarations::is_ambiguous(const std::string& name) const {
  const auto found = times_named_.find(name);
  return found != times_named_.end() && found->second > 1;
}

}  // namespace polybus::bus

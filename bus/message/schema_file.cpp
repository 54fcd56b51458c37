// Schemas from .capnp files, parsed at run time.
#include <capnp/schema-parser.h>
#include <capnp/schema.capnp.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <polybus/schema.hpp>

#include "bus/message/bundle.hpp"
#include "bus/message/closure.hpp"
#include "bus/message/constants.hpp"
#include "bus/message/kj_errors.hpp"
#include "bus/message/source_file.hpp"

namespace polybus {
namespace bus {

// Schemas are made when they are asked for, and then live without the parser, which holds every node of every import.
struct SchemaFileState {
  std::string file_name;
  std::shared_ptr<ParseRun> run = std::make_shared<ParseRun>();
  capnp::SchemaParser parser;
  std::vector<std::string> names;  // in source order
  std::map<std::string, uint64_t, std::less<>> ids;
  std::map<uint64_t, capnp::ParsedSchema> parsed;
  uint64_t file_id = 0;
  std::map<std::string, std::vector<capnp::ConstSchema>, std::less<>> constants;  // by scope, "" is the file
  std::mutex mutex;
  std::map<uint64_t, Schema> made;  // under the mutex
};

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> search_order(const std::vector<std::string>& import_paths) {
  std::vector<fs::path> order(import_paths.begin(), import_paths.end());
  order.emplace_back("/usr/include");
  order.emplace_back("/usr/local/include");
  return order;
}

void throw_mistakes(const ParseRun& run) {
  if (run.mistakes.empty()) return;
  std::string text;
  for (const auto& line : run.mistakes) text += (text.empty() ? "" : "\n") + line;
  throw Error(Code::bad_schema, text);
}

// Everything that can hold a struct is looked into, and every struct is noted as "Outer.Inner"; and so are constants.
void note_structs(SchemaFileState& state, capnp::ParsedSchema scope, const std::string& prefix) {
  auto nested_protos = scope.getProto().getNestedNodes();
  for (unsigned i = 0; i < nested_protos.size(); ++i) {
    capnp::ParsedSchema nested = scope.getAllNested()[i];
    std::string name = prefix + nested_protos[i].getName().cStr();
    if (nested.getProto().isStruct()) {
      state.names.push_back(name);
      state.ids.emplace(name, nested.getProto().getId());
      state.parsed.emplace(nested.getProto().getId(), nested);
    } else if (nested.getProto().isConst()) {
      state.constants[prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1)].push_back(nested.asConst());
    }
    note_structs(state, nested, name + ".");
  }
}

std::shared_ptr<SchemaFileState> parse(const std::string& path, const std::vector<std::string>& import_paths) {
  auto state = std::make_shared<SchemaFileState>();
  ParseRun& run = *state->run;
  run.import_paths = search_order(import_paths);
  state->file_name = fs::path(path).filename().string();
  try {
    auto file = state->parser.parseFile(kj::heap<SourceFile>(state->run, path));
    // After a mistake what the parser returned is not to be touched.
    if (run.mistakes.empty()) {
      state->file_id = file.getProto().getId();
      note_structs(*state, file, "");
    }
  } catch (const kj::Exception& exception) {
    if (run.mistakes.empty()) run.mistakes.push_back(path + ": " + describe(exception));
  }
  throw_mistakes(run);
  return state;
}

Schema make_schema(SchemaFileState& state, uint64_t id) {
  auto bundle = translate_kj(Code::bad_schema,
                             "schema: ", [&] { return make_bundle(closure_of(state.parsed.at(id).asStruct())); });
  throw_mistakes(*state.run);  // what a type refers to from far away is compiled only now
  auto bytes = bundle.asBytes();
  return Schema::from_bundle({reinterpret_cast<const std::byte*>(bytes.begin()), bytes.size()});
}

Schema make_constants(SchemaFileState& state, std::string_view scope,
                      const std::vector<capnp::ConstSchema>& constants) {
  auto outer = state.ids.find(scope);
  std::string name = state.file_name + ":" + (scope.empty() ? "" : std::string(scope) + ".") + "constants";
  auto bundle = translate_kj(Code::bad_schema, "schema: ", [&] {
    return constants_bundle(outer == state.ids.end() ? state.file_id : outer->second, name, constants);
  });
  throw_mistakes(*state.run);
  auto bytes = bundle.asBytes();
  return Schema::from_bundle({reinterpret_cast<const std::byte*>(bytes.begin()), bytes.size()});
}

std::string what_there_is(const std::vector<std::string>& names) {
  if (names.empty()) return "it has no struct at all";
  std::string text = "it has ";
  constexpr size_t kShown = 20;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

}  // namespace
}  // namespace bus

SchemaFile Schema::parse_file(const std::string& path, const std::vector<std::string>& import_paths) {
  return SchemaFile(bus::parse(path, import_paths));
}

const std::vector<std::string>& SchemaFile::names() const noexcept { return state_->names; }

Schema SchemaFile::at(std::string_view name) const {
  auto found = state_->ids.find(name);
  if (found == state_->ids.end()) {
    throw Error(Code::bad_schema, state_->file_name + " has no struct called " + std::string(name) + "; " +
                                      bus::what_there_is(state_->names));
  }
  std::lock_guard lock(state_->mutex);
  auto made = state_->made.find(found->second);
  if (made == state_->made.end()) {
    made = state_->made.emplace(found->second, bus::make_schema(*state_, found->second)).first;
  }
  return made->second;
}

std::optional<Schema> SchemaFile::constants(std::string_view scope) const {
  auto found = state_->constants.find(scope);
  if (found == state_->constants.end()) return std::nullopt;
  std::lock_guard lock(state_->mutex);
  return bus::make_constants(*state_, scope, found->second);
}

}  // namespace polybus

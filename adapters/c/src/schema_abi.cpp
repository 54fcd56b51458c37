// The section "schemas" of <polybus/polybus.h>.
#include <atomic>
#include <vector>

#include "adapters/c/src/guard.hpp"
#include "adapters/c/src/schema_handle.hpp"
#include "adapters/c/src/schema_tables.hpp"
#include "bus/message/schema_state.hpp"

struct polybus_schema_file {
  polybus::SchemaFile file;
};

struct polybus_schema {
  explicit polybus_schema(polybus::Schema from) : schema(std::move(from)) {}

  std::atomic<uint32_t> count{1};
  const polybus::Schema schema;
};

namespace polybus::c {

polybus_schema* make_schema_handle(Schema schema) { return new polybus_schema(std::move(schema)); }

const Schema& schema_of(const polybus_schema* handle) noexcept { return handle->schema; }

namespace {

// What is wrong with a type shall be said here, where there is somebody to tell.
polybus_schema* make_checked_handle(Schema schema) {
  (void)bus::fields_of(schema);
  return make_schema_handle(std::move(schema));
}

const SchemaTables& tables_of(const polybus_schema* handle) {
  const auto& state = handle->schema.state();
  return state.attachment<SchemaTables>([&] { return SchemaTables(state.fields()); });
}

}  // namespace

}  // namespace polybus::c

// Not inside the namespace: there the header's declarations, and with them their visibility, would not apply.
using namespace polybus;
using namespace polybus::c;

extern "C" {

int polybus_schema_file_parse(const char* path, const char* const* import_paths, size_t import_path_count,
                              polybus_schema_file** out, polybus_error* err) {
  return guarded(err, [&] {
    require(path, "path");
    require(out, "out");
    if (import_path_count > 0) require(import_paths, "import_paths");
    std::vector<std::string> paths(import_paths, import_paths + import_path_count);
    *out = new polybus_schema_file{Schema::parse_file(path, paths)};
  });
}

void polybus_schema_file_close(polybus_schema_file* file) { delete file; }

size_t polybus_schema_file_count(const polybus_schema_file* file) { return file ? file->file.names().size() : 0; }

const char* polybus_schema_file_name(const polybus_schema_file* file, size_t index) {
  return index < polybus_schema_file_count(file) ? file->file.names()[index].c_str() : nullptr;
}

int polybus_schema_file_get(const polybus_schema_file* file, const char* name, polybus_schema** out,
                            polybus_error* err) {
  return guarded(err, [&] {
    require(file, "file");
    require(name, "name");
    require(out, "out");
    *out = make_checked_handle(file->file.at(name));
  });
}

int polybus_schema_file_constants(const polybus_schema_file* file, const char* scope, polybus_schema** out,
                                  polybus_error* err) {
  return guarded(err, [&] {
    require(file, "file");
    require(out, "out");
    auto constants = file->file.constants(scope != nullptr ? scope : "");
    if (!constants) return POLYBUS_EMPTY;
    *out = make_checked_handle(*std::move(constants));
    return POLYBUS_OK;
  });
}

int polybus_schema_from_bundle(const void* bundle, size_t size, polybus_schema** out, polybus_error* err) {
  return guarded(err, [&] {
    require(bundle, "bundle");
    require(out, "out");
    *out = make_checked_handle(Schema::from_bundle({static_cast<const std::byte*>(bundle), size}));
  });
}

const void* polybus_schema_bundle(const polybus_schema* schema, size_t* size) {
  if (schema == nullptr) return nullptr;
  if (size != nullptr) *size = schema->schema.bundle().size();
  return schema->schema.bundle().data();
}

polybus_schema* polybus_schema_retain(polybus_schema* schema) {
  if (schema != nullptr) schema->count.fetch_add(1, std::memory_order_relaxed);
  return schema;
}

void polybus_schema_release(polybus_schema* schema) {
  if (schema != nullptr && schema->count.fetch_sub(1, std::memory_order_acq_rel) == 1) delete schema;
}

const char* polybus_schema_type_name(const polybus_schema* schema) {
  return schema ? schema->schema.type_name().c_str() : nullptr;
}

const char* polybus_schema_fingerprint(const polybus_schema* schema) {
  return schema ? schema->schema.fingerprint().c_str() : nullptr;
}

uint64_t polybus_schema_id(const polybus_schema* schema) { return schema ? schema->schema.id() : 0; }

const polybus_struct_info* polybus_schema_structs(const polybus_schema* schema, size_t* count) {
  const polybus_struct_info* infos = nullptr;
  guarded(nullptr, [&] {
    require(schema, "schema");
    const auto& tables = tables_of(schema);
    if (count != nullptr) *count = tables.structs.size();
    infos = tables.structs.data();
  });
  if (infos == nullptr && count != nullptr) *count = 0;
  return infos;
}

const polybus_enum_info* polybus_schema_enums(const polybus_schema* schema, size_t* count) {
  const polybus_enum_info* infos = nullptr;
  if (count != nullptr) *count = 0;
  guarded(nullptr, [&] {
    require(schema, "schema");
    const auto& tables = tables_of(schema);
    if (count != nullptr) *count = tables.enums.size();
    infos = tables.enums.data();
  });
  return infos;
}

}  // extern "C"

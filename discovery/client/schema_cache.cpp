#include "discovery/client/schema_cache.hpp"

#include "discovery/client/log.hpp"

namespace polybus::discovery {

SchemaInfo SchemaCache::info(const Schema& schema) {
  {
    std::lock_guard lock(mutex_);
    auto& known = known_[schema.fingerprint()];
    if (known == nullptr) known = std::make_shared<const Schema>(schema);
  }
  const auto bytes = schema.bundle();
  return {schema.fingerprint(), schema.type_name(),
          std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end())};
}

std::shared_ptr<const Schema> SchemaCache::find(const std::optional<SchemaInfo>& info) {
  if (!info) return nullptr;
  std::lock_guard lock(mutex_);
  const auto found = known_.find(info->fingerprint);
  if (found != known_.end() && (found->second != nullptr || info->bundle == nullptr)) return found->second;
  if (info->bundle == nullptr) return nullptr;
  std::shared_ptr<const Schema> schema;
  try {
    schema = std::make_shared<const Schema>(Schema::from_bundle(*info->bundle));
    if (schema->fingerprint() != info->fingerprint)
      throw Error(Code::bad_schema, "its definition has another fingerprint, " + schema->fingerprint());
  } catch (const Error& e) {
    schema = nullptr;
    log(LogLevel::warn, "schema " + info->type_name + " of another process cannot be used: " + e.what());
  }
  known_[info->fingerprint] = schema;
  return schema;
}

}  // namespace polybus::discovery

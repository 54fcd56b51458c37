#include "discovery/client/schema_cache.hpp"

#include <algorithm>

#include "discovery/client/log.hpp"

namespace polybus::discovery {
namespace {

// Null: broken.
std::shared_ptr<const Schema> load(const SchemaInfo& info) {
  try {
    auto schema = std::make_shared<const Schema>(Schema::from_bundle(*info.bundle));
    if (schema->fingerprint() != info.fingerprint)
      throw Error(Code::bad_schema, "its definition has another fingerprint, " + schema->fingerprint());
    return schema;
  } catch (const Error& e) {
    log(LogLevel::warn, "schema " + info.type_name + " of another process cannot be used: " + e.what());
    return nullptr;
  }
}

}  // namespace

SchemaInfo SchemaCache::info(const Schema& schema) {
  {
    std::lock_guard lock(mutex_);
    keep(schema.fingerprint(), std::make_shared<const Schema>(schema));
  }
  const auto bytes = schema.bundle();
  return {schema.fingerprint(), schema.type_name(),
          std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end())};
}

std::shared_ptr<const Schema> SchemaCache::find(const std::optional<SchemaInfo>& info) {
  if (!info) return nullptr;
  std::lock_guard lock(mutex_);
  const auto found = known_.find(info->fingerprint);
  if (info->bundle == nullptr) return found == known_.end() ? nullptr : found->second.schema;
  const bool is_loaded = found != known_.end() && found->second.schema != nullptr;
  auto schema = is_loaded ? found->second.schema : load(*info);
  keep(info->fingerprint, schema);
  return schema;
}

size_t SchemaCache::size() const {
  std::lock_guard lock(mutex_);
  return known_.size();
}

void SchemaCache::keep(const std::string& fingerprint, std::shared_ptr<const Schema> schema) {
  Known& known = known_[fingerprint];
  if (known.schema == nullptr) known.schema = std::move(schema);
  known.told = ++now_;
  if (known_.size() <= kMax) return;
  known_.erase(std::min_element(known_.begin(), known_.end(),
                                [](const auto& a, const auto& b) { return a.second.told < b.second.told; }));
}

}  // namespace polybus::discovery

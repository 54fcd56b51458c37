#include "discovery/registry/schema_store.hpp"

#include <polybus/error.hpp>
#include <polybus/schema.hpp>

#include "bus/message/schema_difference.hpp"

namespace polybus::registry {
namespace {

constexpr size_t kRememberedMax = 4096;

Schema load(const discovery::SchemaInfo& schema) {
  if (schema.bundle == nullptr)
    throw Error(Code::bad_schema, "the schema " + schema.type_name + " came without its definition");
  return Schema::from_bundle(*schema.bundle);
}

}  // namespace

void SchemaStore::admit(discovery::SchemaInfo& schema) {
  const auto found = known_.find(schema.fingerprint);
  if (found != known_.end() && schema.bundle != nullptr) {
    const discovery::Bundle there = found->second.bundle.lock();
    if (there != nullptr && *there == *schema.bundle) {
      schema.type_name = found->second.type_name;
      schema.bundle = there;
      return;
    }
  }
  const Schema loaded = load(schema);
  if (loaded.fingerprint() != schema.fingerprint)
    throw Error(Code::bad_schema, "the schema " + loaded.type_name() + " came with the fingerprint of another one");
  schema.type_name = loaded.type_name();
  std::erase_if(known_, [](const auto& entry) { return entry.second.bundle.expired(); });
  known_[schema.fingerprint] = {schema.type_name, schema.bundle};
}

std::string SchemaStore::mismatch(const discovery::SchemaInfo& here, const discovery::SchemaInfo& there) {
  if (here.fingerprint == there.fingerprint) return "";
  const auto key = std::pair(here.fingerprint, there.fingerprint);
  const auto remembered = mismatches_.find(key);
  if (remembered != mismatches_.end()) return remembered->second;
  const auto difference = bus::difference_of(load(here), load(there));
  if (mismatches_.size() >= kRememberedMax) mismatches_.clear();
  return mismatches_[key] = difference.fits() ? "" : difference.summary(kMismatchBytesMax);
}

std::optional<discovery::SchemaInfo> SchemaStore::find(const std::string& fingerprint) const {
  const auto found = known_.find(fingerprint);
  if (found == known_.end()) return std::nullopt;
  const discovery::Bundle bundle = found->second.bundle.lock();
  if (bundle == nullptr) return std::nullopt;
  return discovery::SchemaInfo{fingerprint, found->second.type_name, bundle};
}

}  // namespace polybus::registry

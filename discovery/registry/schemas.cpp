#include "discovery/registry/schemas.hpp"

#include <polybus/error.hpp>

#include "discovery/registry/bus.hpp"

namespace polybus::registry {
namespace {

std::string type_of(const std::optional<discovery::SchemaInfo>& schema) {
  return schema ? schema->type_name + " (" + schema->fingerprint.substr(0, 8) + ")" : "untyped bytes";
}

}  // namespace

const End* defining_end(const Topic& topic) {
  for (const Publisher* publisher : topic.publishers)
    if (!publisher->gone) return publisher;
  for (const Subscriber* subscriber : topic.subscribers)
    if (!subscriber->gone && subscriber->schema) return subscriber;
  for (const Publisher* publisher : topic.publishers)
    if (publisher->kept) return publisher;
  return nullptr;
}

std::optional<std::string> incompatibility(const std::optional<discovery::SchemaInfo>& ours,
                                           const std::optional<discovery::SchemaInfo>& theirs) {
  if (!ours && !theirs) return std::nullopt;
  if (!ours || !theirs) return "one side has a schema, the other sends plain bytes";
  if (ours->fingerprint == theirs->fingerprint) return std::nullopt;
  return ours->type_name == theirs->type_name ? "the types have one name but are not the same"
                                              : "the types are not the same";
}

void check_schema(const Topic& topic, const std::optional<discovery::SchemaInfo>& schema, bool is_publisher) {
  if (!schema && !is_publisher) return;
  const End* other = defining_end(topic);
  if (other == nullptr || (other->gone && is_publisher)) return;
  const auto why = incompatibility(schema, other->schema);
  if (!why) return;
  throw Error(Code::schema_mismatch, "topic " + topic.name + ": " + type_of(schema) + " here, " +
                                         type_of(other->schema) + (other->gone ? " in the values kept of " : " at ") +
                                         describe(*other) + ": " + *why);
}

}  // namespace polybus::registry

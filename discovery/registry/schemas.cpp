#include "discovery/registry/schemas.hpp"

#include <algorithm>
#include <polybus/error.hpp>
#include <vector>

#include "bus/message/schema_difference.hpp"

namespace polybus::registry {
namespace {

// Of a topic that lives for long while its programs are changed again and again; those in use are never forgotten.
constexpr size_t kVersionsMax = 32;
constexpr size_t kUnusedBytesMax = 1u << 20;

constexpr size_t kTypeNameShown = 80;

std::string type_of(const std::optional<discovery::SchemaInfo>& schema) {
  return schema ? bus::shortened(schema->type_name, kTypeNameShown) : "untyped bytes";
}

// Empty: they fit.
std::string mismatch(Bus& bus, const std::optional<discovery::SchemaInfo>& ours,
                     const std::optional<discovery::SchemaInfo>& theirs) {
  if (ours && theirs) return bus.schemas.mismatch(*ours, *theirs);
  if (!ours && !theirs) return "";
  return ours ? "a schema here, none there" : "no schema here, one there";
}

template <typename Visit>
void for_each_end(const Topic& topic, Visit&& visit) {
  for (const Publisher* publisher : topic.publishers) visit(*publisher, true);
  for (const Subscriber* subscriber : topic.subscribers) visit(*subscriber, false);
}

[[noreturn]] void refuse(const Topic& topic, const Newcomer& newcomer, const End& other, bool other_is_publisher,
                         const std::string& why) {
  const std::string head = "topic " + topic.name + ": " + type_of(newcomer.schema) + " of this " +
                           (newcomer.is_publisher ? "publisher, " : "subscriber, ") + newcomer.node + ", against " +
                           type_of(other.schema) + " of " +
                           (other.gone           ? "the kept values of "
                            : other_is_publisher ? "publisher "
                                                 : "subscriber ") +
                           describe(other) + ": ";
  throw Error(Code::schema_mismatch, bus::shortened(head + why, SchemaStore::kMismatchBytesMax));
}

bool is_in_use(const Topic& topic, const std::string& fingerprint) {
  bool found = false;
  for_each_end(topic, [&](const End& end, bool is_publisher) {
    const bool is_there = !end.gone || (is_publisher && static_cast<const Publisher&>(end).kept);
    found |= is_there && end.schema && end.schema->fingerprint == fingerprint;
  });
  return found;
}

void forget_old_versions(Topic& topic) {
  size_t unused_bytes = 0;
  for (const SchemaVersion& version : topic.versions)
    if (!is_in_use(topic, version.schema.fingerprint)) unused_bytes += version.schema.bundle->size();
  for (auto version = topic.versions.begin(); version != topic.versions.end();) {
    if (topic.versions.size() <= kVersionsMax && unused_bytes <= kUnusedBytesMax) return;
    if (is_in_use(topic, version->schema.fingerprint)) {
      ++version;
    } else {
      unused_bytes -= version->schema.bundle->size();
      version = topic.versions.erase(version);
    }
  }
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

bool fits(Bus& bus, const std::optional<discovery::SchemaInfo>& ours,
          const std::optional<discovery::SchemaInfo>& theirs) {
  return mismatch(bus, ours, theirs).empty();
}

void check_schema(Bus& bus, const Topic& topic, const Newcomer& newcomer) {
  if (!newcomer.schema && !newcomer.is_publisher) return;
  for_each_end(topic, [&](const End& other, bool is_publisher) {
    if (!is_publisher && (other.gone || !other.schema)) return;
    if (is_publisher && other.gone && (newcomer.is_publisher || !static_cast<const Publisher&>(other).kept)) return;
    const std::string why = mismatch(bus, newcomer.schema, other.schema);
    if (!why.empty()) refuse(topic, newcomer, other, is_publisher, why);
  });
}

void note_version(Topic& topic, const std::optional<discovery::SchemaInfo>& schema) {
  if (!schema) return;
  const auto known = std::ranges::find(topic.versions, schema->fingerprint,
                                       [](const SchemaVersion& version) { return version.schema.fingerprint; });
  if (known != topic.versions.end()) return;
  topic.versions.push_back({++topic.newest_version, *schema});
  forget_old_versions(topic);
}

}  // namespace polybus::registry

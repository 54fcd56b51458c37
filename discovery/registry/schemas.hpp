// What the messages of a topic mean, and who may come with what.
#pragma once

#include <optional>
#include <string>

#include "discovery/registry/records.hpp"

namespace polybus::registry {

// The end that says what the topic's messages mean: its oldest publisher, else its oldest subscriber with a schema, else the
// oldest publisher whose values outlive it. Null: nobody has said yet.
const End* defining_end(const Topic& topic);

// Why messages of `theirs` cannot be taken for messages of `ours`; none: they can. The one place that decides.
std::optional<std::string> incompatibility(const std::optional<discovery::SchemaInfo>& ours,
                                           const std::optional<discovery::SchemaInfo>& theirs);

// Throws SCHEMA_MISMATCH naming the topic, both types and the end on the other side. A subscriber without a schema takes
// anything. A publisher is not bound by what only values of publishers that are gone say: they give way to it.
void check_schema(const Topic& topic, const std::optional<discovery::SchemaInfo>& schema, bool is_publisher);

}  // namespace polybus::registry

// What the messages of a topic mean, and who may come with what.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "discovery/registry/bus.hpp"

namespace polybus::registry {

// The end that says what the topic's messages mean: its oldest publisher, else its oldest subscriber with a schema, else the
// oldest publisher whose values outlive it. Null: nobody has said yet.
const End* defining_end(const Topic& topic);

// Who wants to come: an end that is not there yet.
struct Newcomer {
  bool is_publisher = false;
  std::string node;  // as describe() says it
  const std::optional<discovery::SchemaInfo>& schema;
};

// Throws SCHEMA_MISMATCH if the newcomer's schema does not fit that of every end of the topic, with the two ends and the
// fields about which they differ; it is one line of at most 511 bytes, the same in every language. A subscriber without a
// schema takes anything; a publisher without one fits only where nobody has one. A publisher is not bound by what only values
// of publishers that are gone say: they give way to it.
void check_schema(Bus& bus, const Topic& topic, const Newcomer& newcomer);

// Do messages of `theirs` mean something to who has `ours`?
bool fits(Bus& bus, const std::optional<discovery::SchemaInfo>& ours,
          const std::optional<discovery::SchemaInfo>& theirs);

// Gives the schema of an end that came its number among the topic's versions.
void note_version(Topic& topic, const std::optional<discovery::SchemaInfo>& schema);

}  // namespace polybus::registry

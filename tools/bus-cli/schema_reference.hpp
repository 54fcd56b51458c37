// How a command line names a schema: TOPIC, TOPIC@VERSION or FILE:Type.
#pragma once

#include <cstdint>
#include <optional>
#include <polybus/schema.hpp>
#include <string>

#include "tools/bus-cli/output.hpp"

namespace polybus::cli {

struct SchemaReference {
  std::string text;              // as it was given
  std::string topic;             // empty: a file's
  uint32_t version = 0;          // of the topic's schemas; 0: a file's, or an untyped topic
  std::optional<Schema> schema;  // none: the topic is untyped
};

// Throws Stop(not_found) for topics, versions and files that are not there, Stop(usage) where a file's type must be named, and what
// parsing and joining throw.
SchemaReference find_schema(const Globals& globals, const std::string& text);
// The same; Stop(not_found) for an untyped topic.
SchemaReference find_typed(const Globals& globals, const std::string& text);
// One of a topic's schemas.
Schema schema_by_fingerprint(const Globals& globals, const std::string& fingerprint);

// "imu.capnp:Imu"; the type may be left out where the file has one only.
Schema schema_of_file(const std::string& text);

}  // namespace polybus::cli

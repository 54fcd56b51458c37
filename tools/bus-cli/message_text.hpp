// Messages as JSON and back: what echo prints is what pub reads.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <polybus/sample.hpp>
#include <polybus/schema.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polybus::cli {

// The message of a typed sample in the canonical JSON of docs/json.md; none on untyped topics.
//   throws   Error(bad_message)
std::optional<std::string> json_of(const SampleBase& sample);
// One line as `echo --json` prints it; `msg` is what json_of gave, or what was picked from it.
std::string envelope(const SampleBase& sample, const std::optional<std::string>& msg);
// Bytes for people: a quoted text if that is what they are, else their number and the first of them.
std::string bytes_for_people(std::span<const std::byte> bytes);
// A value for people and scripts: texts without quotes.
std::string value_text(const nlohmann::ordered_json& value);

// What one line or argument asks to be published.
struct Publication {
  std::string json;   // for typed topics
  std::string bytes;  // for untyped ones
};
// `line` is a message, or a line of `echo --json`, of which only `msg` (or `data`) counts.
//   throws   Stop(usage): no JSON, where the topic is typed
Publication publication_of(std::string_view line, bool typed);

}  // namespace polybus::cli

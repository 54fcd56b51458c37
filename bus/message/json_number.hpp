// Numbers of JSON as the bits Cap'n Proto stores.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "bus/message/field_table.hpp"
#include "bus/message/json_text.hpp"

namespace polybus::bus {

// The integer that `text` writes, in two's complement and zero-extended from the kind's width. "1e3" and "100.0" are
// integers too. Nothing if it is none or out of the kind's range.
std::optional<uint64_t> integer_bits(Kind kind, std::string_view text);

// "0 to 255"; empty for what is no integer.
std::string_view integer_range_text(Kind kind) noexcept;

// A number, or one of the strings "NaN", "Infinity" and "-Infinity". Nothing for all else, and for finite numbers that
// the type cannot hold.
std::optional<uint64_t> float32_bits(const JsonNode& node);
std::optional<uint64_t> float64_bits(const JsonNode& node);

}  // namespace polybus::bus

// Base64 (RFC 4648, with padding): how JSON carries Data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polybus::bus {

void append_base64(std::string& out, std::span<const uint8_t> bytes);
// Nothing for text that is not exactly what append_base64() writes for some bytes.
std::optional<std::vector<uint8_t>> decode_base64(std::string_view text);

}  // namespace polybus::bus

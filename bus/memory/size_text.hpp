// Sizes as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace polybus::bus {

// "64G", "512M", "2T", "16k", or bytes. None: it is none.
std::optional<uint64_t> size_from_text(std::string_view text) noexcept;

}  // namespace polybus::bus

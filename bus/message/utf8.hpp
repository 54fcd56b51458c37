// UTF-8, where texts come from others and need not be any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace polybus::bus {

// How many bytes the valid character at the begin of `text` has; 0: there is none. `text` is not empty.
size_t utf8_character(std::string_view text) noexcept;

void append_utf8(std::string& out, uint32_t code_point);

}  // namespace polybus::bus

// Patterns for topic names: `*` is any part of one segment, `**` anything, `?` one character.
#pragma once

#include <string_view>

namespace polybus::cli {

// `**/` also stands for no segment at all: "**/imu" matches "imu" and "a/b/imu".
bool glob_match(std::string_view pattern, std::string_view topic) noexcept;
bool is_glob(std::string_view text) noexcept;
// A topic whose first segment starts with `_` is shown only to those who name it.
bool is_hidden(std::string_view topic) noexcept;

}  // namespace polybus::cli

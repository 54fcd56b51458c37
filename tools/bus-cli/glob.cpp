#include "tools/bus-cli/glob.hpp"

namespace polybus::cli {
namespace {

bool match_double_star(std::string_view rest, std::string_view topic) noexcept {
  if (rest.starts_with('/') && glob_match(rest.substr(1), topic)) return true;
  for (size_t i = 0; i <= topic.size(); ++i) {
    if (glob_match(rest, topic.substr(i))) return true;
  }
  return false;
}

bool match_star(std::string_view rest, std::string_view topic) noexcept {
  for (size_t i = 0;; ++i) {
    if (glob_match(rest, topic.substr(i))) return true;
    if (i == topic.size() || topic[i] == '/') return false;
  }
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view topic) noexcept {
  while (!pattern.empty()) {
    if (pattern.starts_with("**")) {
      while (pattern.starts_with('*')) pattern.remove_prefix(1);
      return match_double_star(pattern, topic);
    }
    if (pattern.front() == '*') return match_star(pattern.substr(1), topic);
    if (topic.empty()) return false;
    const bool same = pattern.front() == '?' ? topic.front() != '/' : pattern.front() == topic.front();
    if (!same) return false;
    pattern.remove_prefix(1);
    topic.remove_prefix(1);
  }
  return topic.empty();
}

bool is_glob(std::string_view text) noexcept { return text.find_first_of("*?") != std::string_view::npos; }

bool is_hidden(std::string_view topic) noexcept { return topic.starts_with('_'); }

}  // namespace polybus::cli

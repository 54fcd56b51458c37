#include "tools/bus-cli/field_path.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "tools/bus-cli/exit_code.hpp"

namespace polybus::cli {
namespace {

[[noreturn]] void throw_malformed(const std::string& text) {
  throw Stop(Exit::usage, "\"" + text + "\" is not a field: write pose.accel[2].x");
}

}  // namespace

FieldPath::FieldPath(const std::string& text) : text_(text) {
  size_t at = 0;
  const auto name_end = [&] { return std::min(text.find_first_of(".[", at), text.size()); };
  while (at < text.size()) {
    if (text[at] == '[') {
      const size_t close = text.find(']', at);
      int64_t index = 0;
      if (close == std::string::npos) throw_malformed(text);
      const auto [end, error] = std::from_chars(text.data() + at + 1, text.data() + close, index);
      if (error != std::errc() || end != text.data() + close) throw_malformed(text);
      steps_.emplace_back(index);
      at = close + 1;
      if (at < text.size() && text[at] != '[' && text[at] != '.') throw_malformed(text);
      if (at < text.size() && text[at] == '.' && ++at == text.size()) throw_malformed(text);
    } else {
      const size_t end = name_end();
      if (end == at) throw_malformed(text);
      steps_.emplace_back(text.substr(at, end - at));
      at = end;
      if (at < text.size() && text[at] == '.' && ++at == text.size()) throw_malformed(text);
    }
  }
  if (steps_.empty()) throw_malformed(text);
}

const nlohmann::ordered_json* FieldPath::find(const nlohmann::ordered_json& message) const {
  const nlohmann::ordered_json* here = &message;
  for (const auto& step : steps_) {
    if (const auto* name = std::get_if<std::string>(&step)) {
      const auto found = here->is_object() ? here->find(*name) : here->end();
      if (!here->is_object() || found == here->end()) return nullptr;
      here = &*found;
    } else {
      int64_t index = std::get<int64_t>(step);
      if (!here->is_array()) return nullptr;
      const auto size = static_cast<int64_t>(here->size());
      if (index < 0) index += size;
      if (index < 0 || index >= size) return nullptr;
      here = &(*here)[static_cast<size_t>(index)];
    }
  }
  return here;
}

}  // namespace polybus::cli

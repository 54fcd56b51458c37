#include "tools/bus-cli/suggestion.hpp"

#include <algorithm>
#include <numeric>

namespace polybus::cli {
namespace {

// Letters to change, add or remove (Levenshtein).
size_t distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string suggestion(const std::string& wanted, const std::vector<std::string>& names) {
  const std::string* best = nullptr;
  size_t nearest = std::max<size_t>(2, wanted.size() / 3) + 1;
  for (const std::string& name : names) {
    // The last part alone is what people remember: imu for sensors/imu.
    const bool is_tail = name.ends_with("/" + wanted);
    const size_t here = is_tail ? 0 : distance(wanted, name);
    if (here < nearest) {
      nearest = here;
      best = &name;
    }
  }
  return best == nullptr ? "" : "; did you mean \"" + *best + "\"?";
}

}  // namespace polybus::cli

// bus-cli hz TOPIC: messages per second, from the publishers' own counters
#include "tools/bus-cli/rate_report.hpp"

namespace polybus::cli {

Exit run_hz(const Globals& globals, const RateOptions& options) {
  return report_rates(globals, options,
                      {.value = [](const End& end) { return end.counters.hz; }, .text = hz_text, .field = "hz"});
}

}  // namespace polybus::cli

// bus-cli bw TOPIC: bytes per second, from the publishers' own counters
#include "tools/bus-cli/rate_report.hpp"

namespace polybus::cli {

Exit run_bw(const Globals& globals, const RateOptions& options) {
  return report_rates(globals, options,
                      {.value = [](const End& end) { return end.counters.bytes_per_s; },
                       .text = [](double value) { return bytes_text(value) + "/s"; },
                       .field = "bytes_per_s"});
}

}  // namespace polybus::cli

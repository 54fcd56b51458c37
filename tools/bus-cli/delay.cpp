// bus-cli delay TOPIC: from publish to take, from the histograms the subscribers keep
#include <poll.h>

#include <map>

#include "tools/bus-cli/bus_view.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/interrupt.hpp"
#include "tools/bus-cli/json_line.hpp"
#include "tools/bus-cli/units.hpp"

namespace polybus::cli {
namespace {

using Histogram = std::array<uint64_t, 32>;

// What was added within the window; everything so far for a subscriber that took nothing in it.
Histogram in_window(const Histogram& now, const Histogram& before) {
  Histogram difference{};
  for (size_t i = 0; i < now.size(); ++i) difference[i] = now[i] - std::min(now[i], before[i]);
  return total(difference) != 0 ? difference : now;
}

std::map<uint64_t, Histogram> histograms(const BusView& view) {
  std::map<uint64_t, Histogram> by_id;
  for (const Topic& topic : view.topics) {
    for (const End& end : topic.subscribers) by_id[end.id] = end.counters.latency;
  }
  return by_id;
}

void wait_for(std::chrono::nanoseconds window) {
  pollfd interrupt{interrupt_fd(), POLLIN, 0};
  ::poll(&interrupt, 1, static_cast<int>(window.count() / 1'000'000));
}

struct Delays {
  explicit Delays(const Histogram& histogram)
      : count(total(histogram)),
        p50(percentile_ns(histogram, 0.5)),
        p99(percentile_ns(histogram, 0.99)),
        max(percentile_ns(histogram, 1)) {}
  uint64_t count;
  double p50, p99, max;
};

}  // namespace

Exit run_delay(const Globals& globals, const DelayOptions& options) {
  const auto window = parse_duration(options.window);
  const double tolerance = parse_tolerance(options.tolerance);
  const double bound =
      options.expect.empty() ? 0 : static_cast<double>(parse_duration(options.expect).count()) * (1 + tolerance);
  const BusView first = look_at_bus(globals);
  required(first, options.pattern);
  const auto before = histograms(first);
  wait_for(window);
  const BusView view = look_at_bus(globals);

  bool met = true, any = false;
  Table table({"TOPIC", "SUBSCRIBER", ">PID", ">COUNT", ">P50", ">P99", ">MAX"});
  for (const Topic& topic : required(view, options.pattern)) {
    for (const End& end : topic.subscribers) {
      const auto found = before.find(end.id);
      const Delays delays(in_window(end.counters.latency, found != before.end() ? found->second : Histogram{}));
      if (delays.count == 0) continue;
      any = true;
      met = met && (bound == 0 || delays.p99 <= bound);
      const auto digits = [](double ns) { return static_cast<uint64_t>(ns); };
      if (globals.json) {
        JsonObject line = json_line();
        line.text("topic", topic.name).text("node", end.node).count("pid", end.pid).text("language", end.language);
        line.count("count", delays.count).digits("p50_ns", digits(delays.p50)).digits("p99_ns", digits(delays.p99));
        print_line(line.digits("max_ns", digits(delays.max)).str());
      } else {
        const auto cell = [&](double ns) { return Cell(duration_text(ns), std::to_string(digits(ns))); };
        table.add({topic.name, end.node, std::to_string(end.pid), std::to_string(delays.count), cell(delays.p50),
                   cell(delays.p99), cell(delays.max)});
      }
    }
  }
  table.print(globals);
  if (!any) note(globals, "no subscriber of " + options.pattern + " has taken a message, so there is no delay to show");
  return any && met ? Exit::done : Exit::condition_false;
}

}  // namespace polybus::cli

#include "tools/bus-cli/rate_report.hpp"

#include <cmath>
#include <optional>

#include "tools/bus-cli/json_line.hpp"

namespace polybus::cli {
namespace {

struct Expectation {
  explicit Expectation(const RateOptions& options) : tolerance(parse_tolerance(options.tolerance)) {
    if (!options.expect.empty()) value = parse_rate(options.expect);
  }
  bool met_by(double figure) const { return !value || std::fabs(figure - *value) <= *value * tolerance; }
  std::optional<double> value;
  double tolerance;
};

std::vector<JsonObject> per_publisher(const Topic& topic, const RateKind& kind) {
  std::vector<JsonObject> list;
  for (const End& end : topic.publishers) {
    JsonObject json;
    json.text("node", end.node).count("pid", end.pid).text("language", end.language);
    list.push_back(json.number(kind.field, kind.value(end)).digits("seq", end.counters.messages));
  }
  return list;
}

}  // namespace

Exit report_rates(const Globals& globals, const RateOptions& options, const RateKind& kind) {
  const Expectation expectation(options);
  const BusView view = look_at_bus(globals);
  bool met = true;
  Table table({"TOPIC", kind.field == "hz" ? ">RATE" : ">BANDWIDTH", ">PUB", "LAST", ""});
  for (const Topic& topic : required(view, options.pattern)) {
    double figure = 0;
    uint64_t last_ns = 0;
    for (const End& end : topic.publishers) {
      figure += kind.value(end);
      last_ns = std::max(last_ns, end.counters.last_realtime_ns);
    }
    const bool as_expected = expectation.met_by(figure);
    met = met && as_expected;
    if (globals.json) {
      JsonObject line = json_line();
      line.text("topic", topic.name).number(kind.field, figure).list("publishers", per_publisher(topic, kind));
      if (expectation.value) line.number("expect", *expectation.value).boolean("ok", as_expected);
      print_line(line.str());
    } else {
      const std::string verdict = as_expected ? "" : "expected " + kind.text(*expectation.value);
      table.add({topic.name, Cell(kind.text(figure), plain_number(figure)), std::to_string(topic.publishers.size()),
                 age_text(last_ns), verdict});
    }
  }
  table.print(globals);
  return met ? Exit::done : Exit::condition_false;
}

}  // namespace polybus::cli

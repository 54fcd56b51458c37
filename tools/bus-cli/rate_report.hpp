// What hz and bw have in common: one figure per topic, and whether it is as expected.
#pragma once

#include <functional>
#include <string>

#include "tools/bus-cli/bus_view.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/units.hpp"

namespace polybus::cli {

struct RateKind {
  std::function<double(const End&)> value;  // of one publisher
  std::function<std::string(double)> text;
  std::string field;  // in JSON
};

// Exit::condition_false if a topic's figure is further from --expect than --tolerance allows.
Exit report_rates(const Globals& globals, const RateOptions& options, const RateKind& kind);

}  // namespace polybus::cli

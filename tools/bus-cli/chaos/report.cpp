#include "tools/bus-cli/chaos/report.hpp"

#include <algorithm>
#include <numeric>

#include "tools/bus-cli/json_line.hpp"
#include "tools/bus-cli/units.hpp"

namespace polybus::cli::chaos {
namespace {

constexpr size_t kFindingsMax = 50;

std::string json_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ",") + json_quoted(text);
  return "[" + list + "]";
}

void print_json(const Report& report) {
  JsonObject kills;
  for (size_t i = 0; i < kLanguages; ++i) kills.count(kLanguageNames[i], report.kills[i]);
  kills.count("busd", report.busd_kills);
  JsonObject line = json_line();
  line.digits("seed", report.seed)
      .count("kills", report.total_kills())
      .object("killed", kills)
      .count("stops", report.stops)
      .count("audits", report.audits)
      .number("seconds", report.storm_s)
      .number("kills_per_s", report.storm_s == 0 ? 0 : static_cast<double>(report.total_kills()) / report.storm_s)
      .count("lives", report.lives)
      .digits("published", report.published)
      .digits("received", report.received)
      .digits("lost", report.lost)
      .count("refusals", report.refusals)
      .number("longest_silence_ms", report.longest_silence_ms)
      .raw("skipped", json_list(report.skipped))
      .raw("findings", json_list(report.findings))
      .boolean("ok", report.findings.empty() && !report.is_interrupted);
  print_line(line.str());
}

void print_text(const Report& report) {
  const auto row = [](const std::string& name, const std::string& value) {
    print_line(name + std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') + value);
  };
  std::string kills = std::to_string(report.total_kills()) + " in " + plain_number(report.storm_s) + " s (";
  kills += plain_number(report.storm_s == 0 ? 0 : static_cast<double>(report.total_kills()) / report.storm_s) + "/s): ";
  for (size_t i = 0; i < kLanguages; ++i)
    kills += std::to_string(report.kills[i]) + " " + std::string(kLanguageNames[i]) + ", ";
  row("seed", std::to_string(report.seed));
  row("kills", kills + std::to_string(report.busd_kills) + " busd");
  row("stops", std::to_string(report.stops));
  row("messages", std::to_string(report.published) + " published, " + std::to_string(report.received) +
                      " received and checked, " + std::to_string(report.lost) + " counted as lost");
  row("workers", std::to_string(report.lives) + ", " + std::to_string(report.refusals) +
                     " times refused an end while busd was away; longest without progress " +
                     plain_number(report.longest_silence_ms) + " ms");
  row("audits", std::to_string(report.audits));
  for (const std::string& text : report.skipped) row("skipped", text);
  for (const std::string& text : report.findings) row("FOUND", text);
  if (report.findings.empty() && report.is_interrupted) return print_line("interrupted; nothing was found until then");
  print_line(report.findings.empty() ? "clean: no hang, no wrong, reordered or uncounted message, nothing leaked"
                                     : std::to_string(report.findings.size()) + " findings");
}

}  // namespace

uint64_t Report::total_kills() const { return std::accumulate(kills.begin(), kills.end(), busd_kills); }

void Report::find(std::string what) {
  if (findings.size() < kFindingsMax) findings.push_back(std::move(what));
}

void Report::add(const Deeds& deeds) {
  const auto sum = [](const std::atomic<uint64_t>(&counts)[kTopics]) {
    uint64_t total = 0;
    for (const auto& count : counts) total += count.load();
    return total;
  };
  ++lives;
  published += sum(deeds.published);
  received += sum(deeds.received);
  lost += sum(deeds.lost);
  refusals += deeds.refusals;
}

void Report::print(const Globals& globals) const {
  if (globals.json)
    print_json(*this);
  else
    print_text(*this);
}

}  // namespace polybus::cli::chaos

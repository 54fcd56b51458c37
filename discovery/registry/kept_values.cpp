#include "discovery/registry/kept_values.hpp"

#include <algorithm>
#include <vector>

#include "discovery/registry/departures.hpp"

namespace polybus::registry {
namespace {

bool has_values(const Publisher& publisher) { return publisher.history != 0 && (!publisher.gone || publisher.kept); }

}  // namespace

uint32_t kept_limit(const Topic& topic) {
  uint32_t limit = 0;
  for (const Publisher* publisher : topic.publishers)
    if (has_values(*publisher)) limit = std::max(limit, publisher->history);
  return limit;
}

std::map<Publisher*, KeptChoice> choose_kept(const Bus& bus, const Topic& topic, uint32_t wanted) {
  struct Value {
    uint64_t published_ns;
    Publisher* publisher;
  };
  if (wanted == 0) return {};
  std::vector<Value> values;
  std::map<Publisher*, KeptChoice> choices;
  for (Publisher* publisher : topic.publishers) {
    if (!has_values(*publisher)) continue;
    uint64_t newest = 0;
    for (const auto& value : bus::read_kept_values(bus.book.publisher(publisher->block))) {
      values.push_back({value.published_realtime_ns, publisher});
      newest = std::max(newest, value.sequence);
    }
    if (!publisher->gone) choices[publisher] = {.count = 0, .until = newest};
  }
  std::stable_sort(values.begin(), values.end(),
                   [](const Value& a, const Value& b) { return a.published_ns > b.published_ns; });
  values.resize(std::min<size_t>(values.size(), std::min(wanted, kept_limit(topic))));
  for (const Value& value : values) ++choices[value.publisher].count;
  return choices;
}

uint32_t kept_by_now(const Bus& bus, const Connection& connection) {
  const auto values = bus::read_kept_values(bus.book.publisher(connection.publisher->block));
  const auto later = std::count_if(values.begin(), values.end(),
                                   [&](const auto& value) { return value.sequence > connection.kept.until; });
  return std::max(connection.kept.count, static_cast<uint32_t>(later));
}

void drop_outdated(Bus& bus, Topic& topic) {
  const bool any = std::any_of(topic.publishers.begin(), topic.publishers.end(), [](auto* p) { return p->kept; });
  if (!any) return;
  const auto choices = choose_kept(bus, topic, bus::kHistoryMax);
  const auto publishers = topic.publishers;  // the last of them may take the topic along
  for (Publisher* publisher : publishers) {
    if (!publisher->kept || choices.contains(publisher)) continue;
    publisher->kept = false;
    --bus.kept_publishers;
    free_if_unused(bus, publisher);
  }
}

void drop_outdated(Bus& bus) {
  std::vector<Topic*> topics;
  for (const auto& [name, topic] : bus.topics) topics.push_back(topic.get());
  for (Topic* topic : topics) drop_outdated(bus, *topic);
}

uint32_t count_kept(const Bus& bus, const Topic& topic) {
  uint32_t count = 0;
  for (const auto& [publisher, choice] : choose_kept(bus, topic, bus::kHistoryMax))
    if (publisher->gone) count += choice.count;
  return count;
}

}  // namespace polybus::registry

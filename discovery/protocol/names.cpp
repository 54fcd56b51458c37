#include "discovery/protocol/names.hpp"

#include <algorithm>
#include <polybus/error.hpp>

#include "bus/transport/limits.hpp"

namespace polybus::discovery {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

// What a message may show of a name that came from anywhere.
std::string shown(const std::string& name) {
  std::string text = "\"";
  for (char c : name.substr(0, 120)) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return text + (name.size() > 120 ? "…\"" : "\"");
}

}  // namespace

void check_topic(const std::string& topic) {
  const auto refuse = [&](const std::string& why) {
    throw Error(Code::invalid_topic, "topic " + shown(topic) + ": " + why +
                                         "; allowed are segments of [A-Za-z0-9_.-]+ joined by single '/', "
                                         "such as sensors/imu, at most " +
                                         std::to_string(bus::kTopicBytesMax) + " bytes");
  };
  if (topic.empty()) refuse("empty");
  if (topic.size() > bus::kTopicBytesMax) refuse(std::to_string(topic.size()) + " bytes long");
  if (topic.front() == '/') refuse("starts with '/'");
  if (topic.back() == '/') refuse("ends with '/'");
  for (size_t i = 0; i < topic.size(); ++i) {
    if (topic[i] == '/' && topic[i - 1] == '/') refuse("has an empty segment");
    if (topic[i] != '/' && !is_word(topic[i]))
      refuse("has a character that is not allowed at byte " + std::to_string(i));
  }
}

void check_bus_name(const std::string& bus) {
  const bool fits = !bus.empty() && bus.size() <= bus::kBusNameBytesMax && std::all_of(bus.begin(), bus.end(), is_word);
  // The name becomes a file's name.
  if (!fits || bus == "." || bus == "..")
    throw Error(Code::invalid_argument, "bus name " + shown(bus) + ": allowed are 1 to " +
                                            std::to_string(bus::kBusNameBytesMax) + " letters, digits, '_', '.', '-'");
}

void check_node_name(const std::string& node) {
  const bool printable =
      std::all_of(node.begin(), node.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
  if (node.empty() || node.size() > bus::kNodeNameBytesMax || !printable)
    throw Error(Code::invalid_argument, "node name " + shown(node) + ": allowed are 1 to " +
                                            std::to_string(bus::kNodeNameBytesMax) +
                                            " bytes without control characters");
}

}  // namespace polybus::discovery

#include "tests/fault/fault_plan.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "bus/memory/fault_point.hpp"

namespace polybus::fault {
namespace {

Plan plan;
std::atomic<unsigned> hits{0};
int record_fd = -1;

void act(const char* name) {
  if (record_fd >= 0) {
    char line[128];
    const size_t bytes = std::min(std::strlen(name), sizeof line - 1);
    std::memcpy(line, name, bytes);
    line[bytes] = '\n';
    [[maybe_unused]] const ssize_t written = ::write(record_fd, line, bytes + 1);
  }
  if (plan.signal == 0 || plan.point != name || hits.fetch_add(1) + 1 != plan.hit) return;
  ::raise(plan.signal);  // to this thread, so that it does not take another step
}

}  // namespace

void arm(const Plan& wanted) {
  plan = wanted;
  hits = 0;
  if (record_fd >= 0) ::close(record_fd);
  record_fd = plan.record.empty() ? -1 : ::open(plan.record.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  bus::on_fault_point = act;
}

std::string to_text(const Plan& plan) {
  return plan.point + ":" + std::to_string(plan.hit) + ":" + std::to_string(plan.signal) + ":" + plan.record;
}

Plan from_text(const std::string& text) {
  std::istringstream in(text);
  std::string hit, signal;
  Plan plan;
  std::getline(in, plan.point, ':');
  std::getline(in, hit, ':');
  std::getline(in, signal, ':');
  std::getline(in, plan.record);
  plan.hit = static_cast<unsigned>(std::stoul(hit));
  plan.signal = std::stoi(signal);
  return plan;
}

std::vector<Passed> read_record(const std::string& path) {
  std::vector<Passed> reached;
  std::ifstream in(path);
  for (std::string name; std::getline(in, name);) {
    const auto there = std::find_if(reached.begin(), reached.end(), [&](const auto& r) { return r.point == name; });
    if (there == reached.end())
      reached.push_back({name, 1});
    else
      ++there->count;
  }
  return reached;
}

std::vector<std::string> points_of_the_sources() {
  std::vector<std::string> points;
  const std::regex call(R"re(fault_point\("([^"]+)"\))re");
  for (const char* folder : {"bus", "discovery"}) {
    const auto files = std::filesystem::recursive_directory_iterator(std::string(POLYBUS_TEST_SOURCE_DIR "/") + folder);
    for (const auto& file : files) {
      if (file.path().extension() != ".cpp" && file.path().extension() != ".hpp") continue;
      std::ifstream in(file.path());
      const std::string text((std::istreambuf_iterator<char>(in)), {});
      for (std::sregex_iterator match(text.begin(), text.end(), call), end; match != end; ++match)
        points.push_back((*match)[1]);
    }
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  return points;
}

}  // namespace polybus::fault

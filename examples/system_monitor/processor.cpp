// Smooths what comes on system/load and says on system/alerts when a value leaves its usual band or comes back, until
// Ctrl-C. Uses the C++ types generated from system.capnp; messages are read, and built, where they lie in shared memory.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <map>
#include <numeric>
#include <optional>
#include <polybus/polybus.hpp>
#include <string>

#include "examples/system_monitor/system.capnp.h"

namespace {

using namespace std::chrono_literals;

volatile std::sig_atomic_t stopping = 0;

void stop(int) { stopping = 1; }

// A value that follows another one, the slower the smaller its weight (an exponential moving average).
class Average {
 public:
  explicit Average(double weight) : weight_(weight) {}
  double add(double value) {
    value_ = value_ ? *value_ + weight_ * (value - *value_) : value;
    return *value_;
  }

 private:
  double weight_;
  std::optional<double> value_;
};

struct Crossing {
  Alert::Direction direction;
  double smoothed, usual, threshold;
};

// One value's history. What is too much depends on the machine, so thresholds are relative: above the usual value by more than
// one and a half times its usual distance from it.
class Band {
 public:
  explicit Band(double step_min) : step_min_(step_min) {}

  std::optional<Crossing> add(double value) {
    const double smoothed = fast_.add(value);
    const double usual = slow_.add(value);
    const double threshold = usual + std::max(1.5 * spread_.add(std::fabs(value - usual)), step_min_);
    if (++count_ < kWarmUp) return std::nullopt;
    if (!above_ && smoothed > threshold) {
      above_ = true;
      return Crossing{Alert::Direction::ABOVE, smoothed, usual, threshold};
    }
    if (above_ && smoothed <= usual) {
      above_ = false;
      return Crossing{Alert::Direction::BACK, smoothed, usual, usual};
    }
    return std::nullopt;
  }

 private:
  static constexpr int kWarmUp = 10;  // the first second says nothing about what is usual
  double step_min_;                   // less than this is no news
  Average fast_{0.4}, slow_{0.03}, spread_{0.03};
  bool above_ = false;
  int count_ = 0;
};

class Processor {
 public:
  explicit Processor(polybus::Publisher<Alert>& alerts) : alerts_(alerts) {}

  void process(SystemLoad::Reader load) {
    const auto cores = load.getCpuPercent();
    if (cores.size() != 0) {
      check(load, "cpu", "%", 1.0, std::accumulate(cores.begin(), cores.end(), 0.0) / cores.size());
    }
    if (load.getMemoryTotal() != 0) {
      const auto used = static_cast<double>(load.getMemoryUsed());
      check(load, "memory", "%", 0.1, 100 * used / static_cast<double>(load.getMemoryTotal()));
    }
    for (const auto interface : load.getInterfaces()) {
      const std::string name = interface.getName();
      check(load, name + " received", "B/s", 1000, interface.getReceivedPerS());
      check(load, name + " sent", "B/s", 1000, interface.getSentPerS());
    }
  }

 private:
  void check(SystemLoad::Reader load, const std::string& source, const char* unit, double step_min, double value) {
    const auto crossing = bands_.try_emplace(source, step_min).first->second.add(value);
    if (!crossing) return;
    alerts_.publish([&](Alert::Builder alert) {
      alert.setStampNs(load.getStampNs());
      alert.setHostname(load.getHostname());
      alert.setSource(source);
      alert.setUnit(unit);
      alert.setDirection(crossing->direction);
      alert.setSmoothed(crossing->smoothed);
      alert.setUsual(crossing->usual);
      alert.setThreshold(crossing->threshold);
    });
  }

  polybus::Publisher<Alert>& alerts_;
  std::map<std::string, Band> bands_;
};

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = stop;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

int main() try {
  install_signal_handlers();
  polybus::Node node("processor");
  auto alerts = node.publisher<Alert>("system/alerts", {.history = 8});
  auto loads = node.subscriber<SystemLoad>("system/load", {.queue = 64});
  std::cout << "processor: watching system/load, telling system/alerts" << std::endl;
  Processor processor(alerts);
  uint64_t processed = 0;
  const auto process = [&](std::chrono::nanoseconds timeout) {
    const auto sample = loads.take(timeout);
    if (!sample) return false;
    processor.process(sample.msg());
    ++processed;
    return true;
  };
  while (stopping == 0) process(100ms);
  while (process(0ns)) continue;  // what had arrived by then
  std::cout << "processor: " << processed << " processed" << std::endl;
} catch (const polybus::Error& error) {
  std::cerr << "processor: " << error.what() << '\n';
  return 1;
}

// decode BUS RUNS: how long C++ takes to read the seven fields of one message: by generated code, by name, and by fields that were
// looked up before; medians of RUNS in nanoseconds, one line of JSON.
#include <capnp/dynamic.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <polybus/polybus.hpp>
#include <vector>

#include "tests/bench/reading.capnp.h"

namespace {

constexpr int kCalls = 20'000;

template <typename Read>
double time_one(const Read& read) {
  double sum = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i) sum += read();
  const auto took = std::chrono::steady_clock::now() - start;
  if (sum == 0) std::abort();  // and so it cannot be left out
  return static_cast<double>(took.count()) / kCalls;
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

double by_generated_code(const polybus::Sample<Reading>& sample) {
  const Reading::Reader m = sample.msg();
  return static_cast<double>(m.getStampNs()) + static_cast<double>(m.getSequence()) +
         static_cast<double>(m.getName().size()) + m.getX() + m.getY() + m.getZ() + m.getValues()[3];
}

template <typename Field>
double by_fields(const polybus::Sample<polybus::Dynamic>& sample, const std::vector<Field>& fields) {
  const auto m = sample.msg();
  double sum = 0;
  for (size_t i = 0; i < 6; ++i) {
    const auto value = m.get(fields[i]);
    sum += i == 2 ? static_cast<double>(value.template as<capnp::Text>().size()) : value.template as<double>();
  }
  return sum + m.get(fields[6]).template as<capnp::DynamicList>()[3].template as<double>();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: decode BUS RUNS\n");
    return 2;
  }
  polybus::Node node("decode", {.bus = argv[1]});
  auto publisher = node.publisher<Reading>("bench/reading", {.history = 1});
  publisher.publish([](Reading::Builder reading) {
    reading.setStampNs(1'766'000'000'123'456'789);
    reading.setSequence(42);
    reading.setName("front imu");
    reading.setX(0.25);
    reading.setY(-9.81);
    reading.setZ(1e-3);
    auto values = reading.initValues(16);
    for (unsigned i = 0; i < 16; ++i) values.set(i, i / 7.0);
  });
  auto typed = node.subscriber<Reading>("bench/reading").take(std::chrono::seconds(20));
  auto dynamic = node.subscriber("bench/reading").take(std::chrono::seconds(20));
  if (!typed || !dynamic) return 1;
  const std::vector<kj::StringPtr> names{"stampNs", "sequence", "name", "x", "y", "z", "values"};
  std::vector<capnp::StructSchema::Field> fields;
  for (const auto name : names) fields.push_back(dynamic->msg().getSchema().getFieldByName(name));
  std::vector<double> generated, by_name, by_field;
  for (int run = 0; run < std::atoi(argv[2]); ++run) {
    generated.push_back(time_one([&] { return by_generated_code(*typed); }));
    by_name.push_back(time_one([&] { return by_fields(*dynamic, names); }));
    by_field.push_back(time_one([&] { return by_fields(*dynamic, fields); }));
  }
  std::printf("{\"generated\":%.1f,\"by_name\":%.1f,\"by_field\":%.1f}\n", median(generated), median(by_name),
              median(by_field));
}

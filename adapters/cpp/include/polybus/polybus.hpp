// Polybus for C++: one bus, every language. This header brings all of it.
//
//   polybus::Node node{"tracker"};
//   auto pub = node.publisher<Imu>("sensors/imu", {.history = 1});
//   pub.publish([](Imu::Builder m) { m.setFrameId("base"); });     // built in shared memory
//   auto sub = node.subscriber<Imu>("sensors/imu", {.queue = 64});
//   while (auto sample = sub.take(1s)) use(sample->getFrameId());
//
// Conventions
//   - Plain verbs throw polybus::Error; try_ verbs return polybus::Result. "Nothing there" is an empty optional.
//   - Every function may be called from any thread. Destroying an object while another thread uses it is the caller's
//     error, as with every C++ object; close() instead is allowed at any time and wakes whoever waits.
//   - Timeouts are std::chrono durations: zero does not wait, negative waits for ever. Times are nanoseconds (_ns).
//   - After fork() what the parent opened throws FORKED in the child, and destroying it there does nothing.
#pragma once

#include <polybus/draft.hpp>
#include <polybus/error.hpp>
#include <polybus/graph.hpp>
#include <polybus/listener.hpp>
#include <polybus/node.hpp>
#include <polybus/options.hpp>
#include <polybus/publisher.hpp>
#include <polybus/region.hpp>
#include <polybus/sample.hpp>
#include <polybus/schema.hpp>
#include <polybus/subscriber.hpp>
#include <string_view>

namespace polybus {

// "0.1.0": of the library that is loaded.
POLYBUS_API std::string_view version() noexcept;

}  // namespace polybus

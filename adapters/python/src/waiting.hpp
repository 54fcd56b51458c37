// Waiting as a Python program expects it: other threads run meanwhile, Ctrl-C and other signal handlers get their turn at
// once, and the time left is what is left of the whole.
#pragma once

#include <polybus/polybus.h>
#include <time.h>

#include <cstdint>

#include "object.hpp"

namespace polybus_python {

constexpr int64_t kForever = -1;
// What wait_interruptibly() answers when a signal handler raised: a Python exception is set.
constexpr int kRaised = -1;

inline uint64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

// A timeout in seconds as milliseconds, rounded up; None gives `if_none`. false with InvalidArgumentError set.
bool parse_timeout(PyObject* seconds, int64_t if_none, int64_t* timeout_ms);

// Runs `call(timeout_ms)` without the GIL; calls again with the time left when a signal interrupted it.
template <class Call>
int wait_interruptibly(int64_t timeout_ms, Call call) {
  const uint64_t start_ns = timeout_ms > 0 ? monotonic_ns() : 0;
  int64_t left_ms = timeout_ms;
  for (;;) {
    int code;
    Py_BEGIN_ALLOW_THREADS;
    code = call(left_ms);
    Py_END_ALLOW_THREADS;
    if (code != POLYBUS_INTERRUPTED) return code;
    if (PyErr_CheckSignals() < 0) return kRaised;
    if (timeout_ms > 0) {
      const int64_t passed_ms = static_cast<int64_t>((monotonic_ns() - start_ns) / 1'000'000u);
      left_ms = passed_ms < timeout_ms ? timeout_ms - passed_ms : 0;
    }
  }
}

// The same for a message: `call(timeout_ms)` answers POLYBUS_EMPTY when there is none. The first step is short: only a short
// wait may spin before it sleeps (docs/architecture.md), and a Ctrl-C in that moment is then noticed at the step's end.
template <class Call>
int wait_for_message(int64_t timeout_ms, Call call) {
  constexpr int64_t kFirstStepMs = 100;
  if (timeout_ms < 0 || timeout_ms > kFirstStepMs) {
    const int code = wait_interruptibly(kFirstStepMs, call);
    if (code != POLYBUS_EMPTY) return code;
    if (PyErr_CheckSignals() < 0) return kRaised;
    if (timeout_ms > 0) timeout_ms -= kFirstStepMs;
  }
  return wait_interruptibly(timeout_ms, call);
}

// For the few waits of the library that no signal interrupts: `call(timeout_ms)` answers POLYBUS_TIMEOUT while there is
// nothing, and is asked again in short steps; between them signal handlers run and `go_on()` may end it.
template <class Call, class GoOn>
int wait_in_steps(int64_t timeout_ms, Call call, GoOn go_on) {
  constexpr int64_t kStepMs = 100;  // how late Ctrl-C may be
  const uint64_t start_ns = timeout_ms > 0 ? monotonic_ns() : 0;
  int64_t left_ms = timeout_ms;
  for (;;) {
    const int64_t step_ms = left_ms < 0 || left_ms > kStepMs ? kStepMs : left_ms;
    int code;
    Py_BEGIN_ALLOW_THREADS;
    code = call(step_ms);
    Py_END_ALLOW_THREADS;
    if (code != POLYBUS_TIMEOUT || (left_ms >= 0 && left_ms <= kStepMs)) return code;
    if (PyErr_CheckSignals() < 0) return kRaised;
    if (!go_on()) return code;
    if (timeout_ms > 0) {
      const int64_t passed_ms = static_cast<int64_t>((monotonic_ns() - start_ns) / 1'000'000u);
      left_ms = passed_ms < timeout_ms ? timeout_ms - passed_ms : 0;
    }
  }
}

}  // namespace polybus_python

// Received messages.
#pragma once

#include "memory.hpp"

namespace polybus_python {

// polybus.Sample
struct Sample {
  MemoryPtr memory;  // NULL once given up; views may still share it
  Ref topic;
  polybus_sample_info info;
  uint64_t latency_ns;
  bool is_retained;
};

// Takes over one count of the sample. `tables`: the subscriber's schema, or NULL.
PyObject* new_sample(polybus_sample* sample, PyObject* topic, const TablesPtr& tables);
// The loop moves on, the `with` block ends: views keep the memory, nobody else does. Not if retain() was called.
void give_up(Sample& sample);

bool add_sample_types(PyObject* module);

}  // namespace polybus_python

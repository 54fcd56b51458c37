// The C interface: versions, error names, and what concerns the whole process.
#include <polybus/polybus.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "adapters/c/src/handles.hpp"
#include "bus/memory/guard.hpp"

namespace polybus {

// One list for C and C++; here the compiler compares them.
static_assert(static_cast<int>(Code::ok) == POLYBUS_OK && static_cast<int>(Code::empty) == POLYBUS_EMPTY);
static_assert(static_cast<int>(Code::timeout) == POLYBUS_TIMEOUT);
static_assert(static_cast<int>(Code::invalid_argument) == POLYBUS_INVALID_ARGUMENT);
static_assert(static_cast<int>(Code::invalid_topic) == POLYBUS_INVALID_TOPIC);
static_assert(static_cast<int>(Code::no_bus) == POLYBUS_NO_BUS);
static_assert(static_cast<int>(Code::disconnected) == POLYBUS_DISCONNECTED);
static_assert(static_cast<int>(Code::version_mismatch) == POLYBUS_VERSION_MISMATCH);
static_assert(static_cast<int>(Code::bad_schema) == POLYBUS_BAD_SCHEMA);
static_assert(static_cast<int>(Code::schema_mismatch) == POLYBUS_SCHEMA_MISMATCH);
static_assert(static_cast<int>(Code::bad_message) == POLYBUS_BAD_MESSAGE);
static_assert(static_cast<int>(Code::too_large) == POLYBUS_TOO_LARGE);
static_assert(static_cast<int>(Code::no_memory) == POLYBUS_NO_MEMORY);
static_assert(static_cast<int>(Code::too_many_loans) == POLYBUS_TOO_MANY_LOANS);
static_assert(static_cast<int>(Code::too_many_samples) == POLYBUS_TOO_MANY_SAMPLES);
static_assert(static_cast<int>(Code::limit) == POLYBUS_LIMIT && static_cast<int>(Code::exclusive) == POLYBUS_EXCLUSIVE);
static_assert(static_cast<int>(Code::permission) == POLYBUS_PERMISSION);
static_assert(static_cast<int>(Code::closed) == POLYBUS_CLOSED && static_cast<int>(Code::forked) == POLYBUS_FORKED);
static_assert(static_cast<int>(Code::io) == POLYBUS_IO && static_cast<int>(Code::internal) == POLYBUS_INTERNAL);
static_assert(static_cast<int>(Code::interrupted) == POLYBUS_INTERRUPTED);

namespace c {

char* duplicate(std::string_view text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

}  // namespace c
}  // namespace polybus

using namespace polybus;

extern "C" {

const char* polybus_version(void) { return POLYBUS_VERSION; }

uint32_t polybus_abi_version(void) { return 1; }

const char* polybus_code_name(int32_t code) { return code_name(static_cast<Code>(code)).data(); }

void polybus_free(char* text) { std::free(text); }

int polybus_process_guard_reads(polybus_error* err) {
  return c::guarded(err, [] {
    if (bus::guard_is_on()) return;
    if (detail::NodeCore::any_opened()) {
      throw Error(Code::invalid_argument, "polybus_process_guard_reads() comes before the first node of the process");
    }
    bus::guard_reads();
  });
}

}  // extern "C"

// Any bytes as a schema bundle: refused, or a type with tables that can be read, with which an empty message can be shown, whose
// own bundle means the same, and which can be compared with another type.
#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstdlib>
#include <polybus/error.hpp>
#include <polybus/schema.hpp>

#include "bus/message/field_table.hpp"
#include "bus/message/json.hpp"
#include "bus/message/schema_difference.hpp"
#include "tests/fuzz/schemas.hpp"

using namespace polybus;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const Schema schema = Schema::from_bundle({reinterpret_cast<const std::byte*>(data), size});
    const bus::FieldTable table = bus::build_field_table(schema.struct_schema());
    if (table.structs.empty()) std::abort();
    if (Schema::from_bundle(schema.bundle()).fingerprint() != schema.fingerprint()) std::abort();
    if (!bus::difference_of(schema, Schema::from_bundle(schema.bundle())).fits()) std::abort();
    bus::difference_of(schema, fuzz::everything()).summary(4096);
    const uint64_t empty[2] = {uint64_t{1} << 32, 0};
    bus::to_json(schema, std::as_bytes(std::span(empty)));
  } catch (const Error& e) {
    if (e.code() != Code::bad_schema && e.code() != Code::bad_message) throw;
  }
  return 0;
}

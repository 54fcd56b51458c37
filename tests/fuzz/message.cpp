// Any bytes as a message of a type that has everything: read field by field through the C interface's tables and as JSON. What is
// read can be built again and reads the same.
#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstdio>
#include <cstdlib>
#include <polybus/error.hpp>

#include "bus/message/frame.hpp"
#include "bus/message/json.hpp"
#include "tests/fuzz/schemas.hpp"

using namespace polybus;

namespace {

// The message that a text says, as a text.
std::string json_of_json(const std::string& json) {
  capnp::MallocMessageBuilder message;
  bus::from_json(fuzz::everything(), json, message);
  const auto words = capnp::messageToFlatArray(message);
  return bus::to_json(fuzz::everything(), std::as_bytes(std::span(words.begin(), words.size())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  std::string json;
  try {
    bus::check_frame(bytes);
    json = bus::to_json(fuzz::everything(), bytes);
  } catch (const Error&) {
    return 0;
  }
  if (json.size() > 1 << 20) return 0;  // lists without size: true, but long
  // JSON cannot say all that bytes can: what an AnyPointer leads to, texts that are no UTF-8. Once said, it stays.
  std::string said;
  try {
    said = json_of_json(json);
  } catch (const Error& e) {
    if (e.code() == Code::invalid_argument) return 0;
    throw;
  }
  const std::string again = json_of_json(said);
  if (again == said) return 0;
  std::fprintf(stderr, "said:  %s\nagain: %s\n", said.c_str(), again.c_str());
  std::abort();
}

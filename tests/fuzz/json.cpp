// Any text as the JSON of a message: it is one or an error that says where, and what it says comes out again.
#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstdlib>
#include <polybus/error.hpp>
#include <string_view>

#include "bus/message/json.hpp"
#include "tests/fuzz/schemas.hpp"

using namespace polybus;

namespace {

std::string text_of(capnp::MessageBuilder& message) {
  const auto words = capnp::messageToFlatArray(message);
  return bus::to_json(fuzz::everything(),
                      {reinterpret_cast<const std::byte*>(words.begin()), words.size() * sizeof(capnp::word)});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  capnp::MallocMessageBuilder first, second;
  try {
    bus::from_json(fuzz::everything(), {reinterpret_cast<const char*>(data), size}, first);
  } catch (const Error& e) {
    if (e.code() != Code::invalid_argument) throw;
    return 0;
  }
  const std::string text = text_of(first);
  bus::from_json(fuzz::everything(), text, second);
  if (text_of(second) != text) std::abort();
  return 0;
}

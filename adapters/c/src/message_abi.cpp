// The section "reading messages" of <polybus/polybus.h>.
#include <memory>

#include "adapters/c/src/guard.hpp"
#include "adapters/c/src/handles.hpp"
#include "adapters/c/src/message_views.hpp"
#include "adapters/c/src/schema_handle.hpp"
#include "bus/message/frame.hpp"
#include "bus/message/json.hpp"
#include "bus/message/kj_errors.hpp"

struct polybus_message {
  explicit polybus_message(std::span<const std::byte> bytes) : frame(bytes) {}

  polybus::bus::Frame frame;
};

namespace polybus::c {
namespace {

using PointerReader = capnp::_::PointerReader;

// As guarded(), for what walks a message: capnp's exceptions mean that the message is broken.
template <typename Body>
int reading(polybus_error* err, Body&& body) noexcept {
  try {
    return body();
  } catch (const kj::Exception& exception) {
    return fail(err, Code::bad_message, bus::describe(exception));
  } catch (...) {
    return fail_with_current_exception(err);
  }
}

PointerReader pointer_of(const polybus_struct* from, uint32_t index) {
  require(from, "from");
  // A pointer the writer did not know of is null.
  if (index >= from->pointer_count) return {};
  return unpack<StructView>(from).reader.getPointerField(static_cast<uint16_t>(index) * capnp::POINTERS);
}

void check_index(const polybus_list* from, uint32_t index) {
  require(from, "from");
  if (index >= from->count) {
    throw Error(Code::invalid_argument,
                "index " + std::to_string(index) + " of a list of " + std::to_string(from->count));
  }
}

PointerReader pointer_of(const polybus_list* from, uint32_t index) {
  check_index(from, index);
  if (from->struct_pointer_count == 0) throw Error(Code::bad_message, "a list of pointers is expected, not of scalars");
  return unpack<ListView>(from).reader.getPointerElement(index * capnp::ELEMENTS);
}

uint64_t copy_words_max(const polybus_struct* from) { return unpack<StructView>(from).copy_words_max; }
uint64_t copy_words_max(const polybus_list* from) { return unpack<ListView>(from).copy_words_max; }

int read_text(const PointerReader& pointer, const char** text, size_t* size) {
  if (pointer.isNull()) return POLYBUS_EMPTY;
  auto value = pointer.getBlob<capnp::Text>(nullptr, capnp::ZERO * capnp::BYTES);
  *text = value.begin();
  *size = value.size();
  return POLYBUS_OK;
}

int read_data(const PointerReader& pointer, const void** data, size_t* size) {
  if (pointer.isNull()) return POLYBUS_EMPTY;
  auto value = pointer.getBlob<capnp::Data>(nullptr, capnp::ZERO * capnp::BYTES);
  *data = value.begin();
  *size = value.size();
  return POLYBUS_OK;
}

int read_struct(const PointerReader& pointer, uint64_t words, polybus_struct* out) {
  if (pointer.isNull()) return POLYBUS_EMPTY;
  put(pointer.getStruct(nullptr), words, out);
  return POLYBUS_OK;
}

int read_list(const PointerReader& pointer, uint64_t words, polybus_type element, polybus_list* out) {
  auto size = element_size(element);
  if (pointer.isNull()) return POLYBUS_EMPTY;
  put(pointer.getList(size, nullptr), words, out);
  return POLYBUS_OK;
}

int read_pointer_kind(const PointerReader& pointer, int32_t* kind) {
  require(kind, "kind");
  switch (pointer.getPointerType()) {
    case capnp::PointerType::NULL_: *kind = POLYBUS_POINTER_NULL; break;
    case capnp::PointerType::STRUCT: *kind = POLYBUS_POINTER_STRUCT; break;
    case capnp::PointerType::LIST: *kind = POLYBUS_POINTER_LIST; break;
    default: *kind = POLYBUS_POINTER_OTHER; break;
  }
  return POLYBUS_OK;
}

}  // namespace

}  // namespace polybus::c

// Not inside the namespace: there the header's declarations, and with them their visibility, would not apply.
using namespace polybus;
using namespace polybus::c;

extern "C" {

int polybus_message_open(const void* data, size_t size, polybus_message** out, polybus_struct* root,
                         polybus_error* err) {
  return reading(err, [&] {
    require(data, "data");
    require(out, "out");
    auto message = std::make_unique<polybus_message>(std::span(static_cast<const std::byte*>(data), size));
    if (root != nullptr) *root = root_view(message->frame);
    *out = message.release();
    return POLYBUS_OK;
  });
}

void polybus_message_close(polybus_message* message) { delete message; }

int polybus_struct_get_text(const polybus_struct* from, uint32_t pointer_index, const char** text, size_t* size,
                            polybus_error* err) {
  return reading(err, [&] { return read_text(pointer_of(from, pointer_index), text, size); });
}

int polybus_struct_get_data(const polybus_struct* from, uint32_t pointer_index, const void** data, size_t* size,
                            polybus_error* err) {
  return reading(err, [&] { return read_data(pointer_of(from, pointer_index), data, size); });
}

int polybus_struct_get_struct(const polybus_struct* from, uint32_t pointer_index, polybus_struct* out,
                              polybus_error* err) {
  return reading(err, [&] { return read_struct(pointer_of(from, pointer_index), copy_words_max(from), out); });
}

int polybus_struct_get_list(const polybus_struct* from, uint32_t pointer_index, polybus_type element, polybus_list* out,
                            polybus_error* err) {
  return reading(err, [&] { return read_list(pointer_of(from, pointer_index), copy_words_max(from), element, out); });
}

int polybus_list_get_text(const polybus_list* from, uint32_t index, const char** text, size_t* size,
                          polybus_error* err) {
  return reading(err, [&] { return read_text(pointer_of(from, index), text, size); });
}

int polybus_list_get_data(const polybus_list* from, uint32_t index, const void** data, size_t* size,
                          polybus_error* err) {
  return reading(err, [&] { return read_data(pointer_of(from, index), data, size); });
}

int polybus_list_get_struct(const polybus_list* from, uint32_t index, polybus_struct* out, polybus_error* err) {
  return reading(err, [&] {
    check_index(from, index);
    put(unpack<ListView>(from).reader.getStructElement(index * capnp::ELEMENTS), copy_words_max(from), out);
    return POLYBUS_OK;
  });
}

int polybus_list_get_list(const polybus_list* from, uint32_t index, polybus_type element, polybus_list* out,
                          polybus_error* err) {
  return reading(err, [&] { return read_list(pointer_of(from, index), copy_words_max(from), element, out); });
}

int polybus_struct_get_pointer_kind(const polybus_struct* from, uint32_t pointer_index, int32_t* kind,
                                    polybus_error* err) {
  return reading(err, [&] { return read_pointer_kind(pointer_of(from, pointer_index), kind); });
}

int polybus_list_get_pointer_kind(const polybus_list* from, uint32_t index, int32_t* kind, polybus_error* err) {
  return reading(err, [&] { return read_pointer_kind(pointer_of(from, index), kind); });
}

int polybus_message_to_json(const polybus_schema* schema, const void* data, size_t size, char** json,
                            polybus_error* err) {
  return reading(err, [&] {
    require(schema, "schema");
    require(data, "data");
    require(json, "json");
    *json = duplicate(bus::to_json(schema_of(schema), {static_cast<const std::byte*>(data), size}));
    return POLYBUS_OK;
  });
}

}  // extern "C"

// The section "building messages" of <polybus/polybus.h>.
#include <cstring>
#include <memory>
#include <vector>

#include "adapters/c/src/guard.hpp"
#include "adapters/c/src/message_views.hpp"
#include "adapters/c/src/schema_handle.hpp"
#include "bus/message/chunk_builder.hpp"
#include "bus/message/json.hpp"
#include "bus/message/kj_errors.hpp"
#include "bus/message/schema_state.hpp"
#include "bus/message/whole_copy.hpp"

struct polybus_builder {
  explicit polybus_builder(const polybus::Schema& of)
      : schema(of), memory(512), message(std::as_writable_bytes(std::span(memory)), 3 << 10) {}

  const polybus::Schema schema;
  std::vector<uint64_t> memory;
  polybus::bus::ChunkBuilder message;
  std::vector<uint64_t> frame;
};

namespace polybus::c {
namespace {

namespace cp = capnp::_;
using cp::PointerBuilder;

constexpr uint32_t kElementsMax = (1u << 29) - 1;  // Cap'n Proto counts list elements in 29 bits
constexpr size_t kOverwriteBytesMin = 16u << 10;   // below, zeroing first costs less than a segment of its own

// As guarded(), for what changes a message: capnp's exceptions mean that the caller asked for what cannot be.
template <typename Body>
int building(polybus_error* err, Body&& body) noexcept {
  try {
    return body();
  } catch (const kj::Exception& exception) {
    return fail(err, Code::invalid_argument, bus::describe(exception));
  } catch (...) {
    return fail_with_current_exception(err);
  }
}

PointerBuilder pointer_of(polybus_struct_builder* to, uint32_t index) {
  require(to, "to");
  if (index >= to->pointer_count) {
    throw Error(Code::invalid_argument, "pointer_index " + std::to_string(index) + " of a struct with " +
                                            std::to_string(to->pointer_count) + " pointers");
  }
  return unpack<StructBuilderView>(to).builder.getPointerField(static_cast<uint16_t>(index) * capnp::POINTERS);
}

void check_index(polybus_list_builder* to, uint32_t index) {
  require(to, "to");
  if (index >= to->count) {
    throw Error(Code::invalid_argument,
                "index " + std::to_string(index) + " of a list of " + std::to_string(to->count));
  }
}

PointerBuilder pointer_of(polybus_list_builder* to, uint32_t index) {
  check_index(to, index);
  auto& list = unpack<ListBuilderView>(to).builder;
  if (list.getElementSize() != capnp::ElementSize::POINTER) {
    throw Error(Code::invalid_argument, "to is not a list of texts, data or lists");
  }
  return list.getPointerElement(index * capnp::ELEMENTS);
}

bus::ChunkBuilder* chunk_of(polybus_struct_builder* to) { return unpack<StructBuilderView>(to).chunk; }
bus::ChunkBuilder* chunk_of(polybus_list_builder* to) { return unpack<ListBuilderView>(to).chunk; }

void check_count(uint64_t count, const char* what) {
  if (count >= kElementsMax) {
    throw Error(Code::too_large, std::to_string(count) + " " + what + ": Cap'n Proto allows " +
                                     std::to_string(kElementsMax - 1) + " in one field");
  }
}

// What is overwritten whole need not be zeroed first.
class Overwrite {
 public:
  Overwrite(bus::ChunkBuilder* chunk, size_t size) : chunk_(size >= kOverwriteBytesMin ? chunk : nullptr) {
    if (chunk_ != nullptr) chunk_->begin_overwrite();
  }
  ~Overwrite() {
    if (chunk_ != nullptr) chunk_->end_overwrite();
  }
  Overwrite(const Overwrite&) = delete;
  Overwrite& operator=(const Overwrite&) = delete;

 private:
  bus::ChunkBuilder* chunk_;
};

// `extra` zero bytes behind the content belong to it; the rest of its last word is zeroed as well.
template <typename Blob>
void set_blob(PointerBuilder pointer, bus::ChunkBuilder* chunk, const void* content, size_t size, size_t extra) {
  if (size > 0) require(content, std::is_same_v<Blob, capnp::Text> ? "text" : "data");
  check_count(size, "bytes");
  Overwrite overwrite(chunk, size);
  auto blob = pointer.initBlob<Blob>(static_cast<uint32_t>(size) * capnp::BYTES);
  auto* begin = reinterpret_cast<std::byte*>(blob.begin());
  if (size > 0) std::memcpy(begin, content, size);
  size_t end = (size + extra + 7) / 8 * 8;
  if (end > size) std::memset(begin + size, 0, end - size);
}

std::byte* location_of(cp::ListBuilder list) {
  return reinterpret_cast<std::byte*>(
      list.getStructElement(capnp::bounded<0>() * capnp::ELEMENTS).getDataSectionAsBlob().begin());
}

int set_text(PointerBuilder pointer, bus::ChunkBuilder* chunk, const char* text, size_t size) {
  set_blob<capnp::Text>(pointer, chunk, text, size, 1);
  return POLYBUS_OK;
}

int set_data(PointerBuilder pointer, bus::ChunkBuilder* chunk, const void* data, size_t size) {
  set_blob<capnp::Data>(pointer, chunk, data, size, 0);
  return POLYBUS_OK;
}

cp::StructSize struct_size(uint16_t data_words, uint16_t pointer_count) {
  return cp::StructSize(capnp::bounded(data_words) * capnp::WORDS, capnp::bounded(pointer_count) * capnp::POINTERS);
}

bool is_struct(polybus_type element) { return element.list_depth == 0 && element.kind == POLYBUS_KIND_STRUCT; }

int init_list(PointerBuilder pointer, bus::ChunkBuilder* chunk, polybus_type element, uint32_t count,
              cp::StructSize size, polybus_list_builder* out) {
  require(out, "out");
  check_count(count, "elements");
  auto element_bits = element_size(element);
  put(is_struct(element) ? pointer.initStructList(count * capnp::ELEMENTS, size)
                         : pointer.initList(element_bits, count * capnp::ELEMENTS),
      chunk, out);
  return POLYBUS_OK;
}

int edit_data(PointerBuilder pointer, uint8_t** data, size_t* size) {
  require(data, "data");
  require(size, "size");
  if (pointer.isNull()) return POLYBUS_EMPTY;
  auto blob = pointer.getBlob<capnp::Data>(nullptr, capnp::ZERO * capnp::BYTES);
  *data = blob.begin();
  *size = blob.size();
  return POLYBUS_OK;
}

int edit_list(PointerBuilder pointer, bus::ChunkBuilder* chunk, polybus_type element, cp::StructSize size,
              polybus_list_builder* out) {
  require(out, "out");
  auto element_bits = element_size(element);
  if (pointer.isNull()) return POLYBUS_EMPTY;
  put(is_struct(element) ? pointer.getStructList(size, nullptr) : pointer.getList(element_bits, nullptr), chunk, out);
  return POLYBUS_OK;
}

// What goes wrong here is the fault of the message copied from.
int copy_pointer(PointerBuilder to, const cp::PointerReader& from, uint64_t words_max) {
  bus::translate_kj(Code::bad_message, "", [&] {
    bus::check_copy(from, words_max);
    to.copyFrom(from);
  });
  return POLYBUS_OK;
}

}  // namespace

}  // namespace polybus::c

// Not inside the namespace: there the header's declarations, and with them their visibility, would not apply.
using namespace polybus;
using namespace polybus::c;

extern "C" {

int polybus_struct_set_text(polybus_struct_builder* to, uint32_t pointer_index, const char* text, size_t size,
                            polybus_error* err) {
  return building(err, [&] { return set_text(pointer_of(to, pointer_index), chunk_of(to), text, size); });
}

int polybus_struct_set_data(polybus_struct_builder* to, uint32_t pointer_index, const void* data, size_t size,
                            polybus_error* err) {
  return building(err, [&] { return set_data(pointer_of(to, pointer_index), chunk_of(to), data, size); });
}

int polybus_struct_set_numbers(polybus_struct_builder* to, uint32_t pointer_index, polybus_type element,
                               const void* numbers, uint32_t count, polybus_error* err) {
  return building(err, [&] {
    auto size_code = element_size(element);
    uint32_t bits = bus::bits_of({static_cast<bus::Kind>(element.kind), element.list_depth, element.index});
    if (bits < 8 || size_code == capnp::ElementSize::POINTER) {
      throw Error(Code::invalid_argument, "element is no number of whole bytes");
    }
    check_count(count, "elements");
    auto pointer = pointer_of(to, pointer_index);
    size_t bytes = size_t{count} * bits / 8;
    if (bytes > 0) require(numbers, "numbers");
    Overwrite overwrite(chunk_of(to), bytes);
    auto list = pointer.initList(size_code, count * capnp::ELEMENTS);
    if (count == 0) return POLYBUS_OK;
    auto* begin = location_of(list);
    std::memcpy(begin, numbers, bytes);
    std::memset(begin + bytes, 0, (8 - bytes % 8) % 8);
    return POLYBUS_OK;
  });
}

int polybus_struct_init_data(polybus_struct_builder* to, uint32_t pointer_index, size_t size, uint8_t** data,
                             polybus_error* err) {
  return building(err, [&] {
    require(data, "data");
    check_count(size, "bytes");
    *data = pointer_of(to, pointer_index).initBlob<capnp::Data>(static_cast<uint32_t>(size) * capnp::BYTES).begin();
    return POLYBUS_OK;
  });
}

int polybus_struct_init_struct(polybus_struct_builder* to, uint32_t pointer_index, uint16_t data_words,
                               uint16_t pointer_count, polybus_struct_builder* out, polybus_error* err) {
  return building(err, [&] {
    require(out, "out");
    auto pointer = pointer_of(to, pointer_index);
    put(pointer.initStruct(struct_size(data_words, pointer_count)), chunk_of(to), out);
    return POLYBUS_OK;
  });
}

int polybus_struct_edit_struct(polybus_struct_builder* to, uint32_t pointer_index, uint16_t data_words,
                               uint16_t pointer_count, polybus_struct_builder* out, polybus_error* err) {
  return building(err, [&] {
    require(out, "out");
    auto pointer = pointer_of(to, pointer_index);
    if (pointer.isNull()) return POLYBUS_EMPTY;
    put(pointer.getStruct(struct_size(data_words, pointer_count), nullptr), chunk_of(to), out);
    return POLYBUS_OK;
  });
}

int polybus_struct_init_list(polybus_struct_builder* to, uint32_t pointer_index, polybus_type element, uint32_t count,
                             uint16_t data_words, uint16_t pointer_count, polybus_list_builder* out,
                             polybus_error* err) {
  return building(err, [&] {
    return init_list(pointer_of(to, pointer_index), chunk_of(to), element, count,
                     struct_size(data_words, pointer_count), out);
  });
}

int polybus_struct_edit_list(polybus_struct_builder* to, uint32_t pointer_index, polybus_type element,
                             uint16_t data_words, uint16_t pointer_count, polybus_list_builder* out,
                             polybus_error* err) {
  return building(err, [&] {
    return edit_list(pointer_of(to, pointer_index), chunk_of(to), element, struct_size(data_words, pointer_count), out);
  });
}

int polybus_struct_edit_data(polybus_struct_builder* to, uint32_t pointer_index, uint8_t** data, size_t* size,
                             polybus_error* err) {
  return building(err, [&] { return edit_data(pointer_of(to, pointer_index), data, size); });
}

int polybus_struct_clear_pointer(polybus_struct_builder* to, uint32_t pointer_index, polybus_error* err) {
  return building(err, [&] {
    pointer_of(to, pointer_index).clear();
    return POLYBUS_OK;
  });
}

int polybus_struct_copy_struct(polybus_struct_builder* to, uint32_t pointer_index, const polybus_struct* from,
                               polybus_error* err) {
  return building(err, [&] {
    require(from, "from");
    auto pointer = pointer_of(to, pointer_index);
    const auto& view = unpack<StructView>(from);
    // What goes wrong from here on is the fault of the message copied from.
    bus::translate_kj(Code::bad_message, "", [&] {
      bus::check_copy(view.reader, view.copy_words_max);
      pointer.setStruct(view.reader);
    });
    return POLYBUS_OK;
  });
}

int polybus_struct_copy_all(polybus_struct_builder* to, const polybus_struct* from, polybus_error* err) {
  return building(err, [&] {
    require(to, "to");
    require(from, "from");
    const auto& view = unpack<StructView>(from);
    bus::translate_kj(Code::bad_message, "", [&] {
      bus::check_copy(view.reader, view.copy_words_max);
      unpack<StructBuilderView>(to).builder.copyContentFrom(view.reader);
    });
    return POLYBUS_OK;
  });
}

int polybus_struct_copy_list(polybus_struct_builder* to, uint32_t pointer_index, const polybus_list* from,
                             polybus_error* err) {
  return building(err, [&] {
    require(from, "from");
    auto pointer = pointer_of(to, pointer_index);
    const auto& view = unpack<ListView>(from);
    bus::translate_kj(Code::bad_message, "", [&] {
      bus::check_copy(view.reader, view.copy_words_max);
      pointer.setList(view.reader);
    });
    return POLYBUS_OK;
  });
}

int polybus_struct_copy_pointer(polybus_struct_builder* to, uint32_t pointer_index, const polybus_struct* from,
                                uint32_t from_index, polybus_error* err) {
  return building(err, [&] {
    require(from, "from");
    auto pointer = pointer_of(to, pointer_index);
    const auto& view = unpack<StructView>(from);
    cp::PointerReader source;  // one that the writer did not know is null
    if (from_index < from->pointer_count) {
      source = view.reader.getPointerField(static_cast<uint16_t>(from_index) * capnp::POINTERS);
    }
    return copy_pointer(pointer, source, view.copy_words_max);
  });
}

int polybus_struct_copy_element(polybus_struct_builder* to, uint32_t pointer_index, const polybus_list* from,
                                uint32_t from_index, polybus_error* err) {
  return building(err, [&] {
    require(from, "from");
    if (from_index >= from->count || from->struct_pointer_count == 0) {
      throw Error(Code::invalid_argument, "from_index " + std::to_string(from_index) + " of a list of " +
                                              std::to_string(from->count) + ", or not of pointers");
    }
    const auto& view = unpack<ListView>(from);
    return copy_pointer(pointer_of(to, pointer_index), view.reader.getPointerElement(from_index * capnp::ELEMENTS),
                        view.copy_words_max);
  });
}

int polybus_list_set_text(polybus_list_builder* to, uint32_t index, const char* text, size_t size, polybus_error* err) {
  return building(err, [&] { return set_text(pointer_of(to, index), chunk_of(to), text, size); });
}

int polybus_list_set_data(polybus_list_builder* to, uint32_t index, const void* data, size_t size, polybus_error* err) {
  return building(err, [&] { return set_data(pointer_of(to, index), chunk_of(to), data, size); });
}

int polybus_list_edit_struct(polybus_list_builder* to, uint32_t index, polybus_struct_builder* out,
                             polybus_error* err) {
  return building(err, [&] {
    require(out, "out");
    check_index(to, index);
    put(unpack<ListBuilderView>(to).builder.getStructElement(index * capnp::ELEMENTS), chunk_of(to), out);
    return POLYBUS_OK;
  });
}

int polybus_list_init_list(polybus_list_builder* to, uint32_t index, polybus_type element, uint32_t count,
                           uint16_t data_words, uint16_t pointer_count, polybus_list_builder* out, polybus_error* err) {
  return building(err, [&] {
    return init_list(pointer_of(to, index), chunk_of(to), element, count, struct_size(data_words, pointer_count), out);
  });
}

int polybus_list_edit_list(polybus_list_builder* to, uint32_t index, polybus_type element, uint16_t data_words,
                           uint16_t pointer_count, polybus_list_builder* out, polybus_error* err) {
  return building(err, [&] {
    return edit_list(pointer_of(to, index), chunk_of(to), element, struct_size(data_words, pointer_count), out);
  });
}

int polybus_list_edit_data(polybus_list_builder* to, uint32_t index, uint8_t** data, size_t* size, polybus_error* err) {
  return building(err, [&] { return edit_data(pointer_of(to, index), data, size); });
}

int polybus_list_as_reader(const polybus_list_builder* from, polybus_list* out, polybus_error* err) {
  return building(err, [&] {
    require(from, "from");
    require(out, "out");
    put(unpack<ListBuilderView>(from).builder.asReader(), bus::Frame::kUnlimited, out);
    return POLYBUS_OK;
  });
}

int polybus_struct_as_reader(const polybus_struct_builder* from, polybus_struct* out, polybus_error* err) {
  return building(err, [&] {
    require(from, "from");
    require(out, "out");
    // Our own bytes, so nothing in them is worth a bound.
    put(unpack<StructBuilderView>(from).builder.asReader(), bus::Frame::kUnlimited, out);
    return POLYBUS_OK;
  });
}

int polybus_struct_set_json(polybus_struct_builder* to, const polybus_schema* schema, const char* json, size_t size,
                            polybus_error* err) {
  return building(err, [&] {
    require(to, "to");
    require(schema, "schema");
    require(json, "json");
    const auto& table = bus::fields_of(schema_of(schema));
    bus::set_json(table, table.root(), {json, size}, unpack<StructBuilderView>(to).builder);
    return POLYBUS_OK;
  });
}

int polybus_builder_open(const polybus_schema* schema, polybus_builder** out, polybus_struct_builder* root,
                         polybus_error* err) {
  return building(err, [&] {
    require(schema, "schema");
    require(out, "out");
    auto builder = std::make_unique<polybus_builder>(schema_of(schema));
    auto view = root_view(builder->message, bus::fields_of(builder->schema).root());
    if (root != nullptr) *root = view;
    *out = builder.release();
    return POLYBUS_OK;
  });
}

int polybus_builder_frame(polybus_builder* builder, const void** data, size_t* size, polybus_error* err) {
  return building(err, [&] {
    require(builder, "builder");
    require(data, "data");
    require(size, "size");
    builder->frame.resize(builder->message.frame_bytes() / sizeof(uint64_t));
    auto frame = builder->message.finish_into(std::as_writable_bytes(std::span(builder->frame)));
    *data = frame.data();
    *size = frame.size();
    return POLYBUS_OK;
  });
}

void polybus_builder_close(polybus_builder* builder) { delete builder; }

}  // extern "C"

#include "adapters/c/src/message_views.hpp"

#include <polybus/error.hpp>
#include <string>

namespace polybus::c {
namespace {

namespace cp = capnp::_;
using capnp::ElementSize;

// Distance between elements of a list that is not made of structs.
uint32_t plain_stride(ElementSize size) {
  switch (size) {
    case ElementSize::VOID: return 0;
    case ElementSize::BIT: return 1;
    case ElementSize::BYTE: return 8;
    case ElementSize::TWO_BYTES: return 16;
    case ElementSize::FOUR_BYTES: return 32;
    default: return 64;
  }
}

uint32_t bits(const cp::StructReader& reader) { return capnp::unbound(reader.getDataSectionSize() / capnp::BITS); }
uint32_t bits(const cp::StructBuilder& builder) { return capnp::unbound(builder.getDataSectionSize() / capnp::BITS); }
uint32_t pointers(const cp::StructReader& reader) {
  return capnp::unbound(reader.getPointerSectionSize() / capnp::POINTERS);
}
uint32_t pointers(const cp::StructBuilder& builder) {
  return capnp::unbound(builder.getPointerSectionSize() / capnp::POINTERS);
}

const uint8_t* location(const cp::StructReader& reader) { return static_cast<const uint8_t*>(reader.getLocation()); }
uint8_t* location(cp::StructBuilder& builder) { return builder.getDataSectionAsBlob().begin(); }

// Fills what can be known without the private members of capnp's lists: the first element tells where the list begins
// and how large its structs are, the size class how far its elements are apart.
template <typename List, typename Out>
void describe_elements(List&& list, Out* out) {
  out->count = capnp::unbound(list.size() / capnp::ELEMENTS);
  out->data = nullptr;
  out->struct_data_bits = 0;
  out->struct_pointer_count = 0;
  ElementSize size = list.getElementSize();
  out->stride_bits = plain_stride(size);
  if (out->count == 0) return;
  auto first = list.getStructElement(capnp::bounded<0>() * capnp::ELEMENTS);
  out->data = location(first);
  out->struct_data_bits = bits(first);
  out->struct_pointer_count = pointers(first);
  if (size == ElementSize::INLINE_COMPOSITE) out->stride_bits = bits(first) + 64 * pointers(first);
}

}  // namespace

void put(const cp::StructReader& reader, uint64_t copy_words_max, polybus_struct* out) noexcept {
  out->data = location(reader);
  out->data_bits = bits(reader);
  out->pointer_count = pointers(reader);
  new (&out->opaque) StructView{reader, copy_words_max};
}

void put(cp::StructBuilder builder, bus::ChunkBuilder* chunk, polybus_struct_builder* out) noexcept {
  out->data = location(builder);
  out->data_bits = bits(builder);
  out->pointer_count = pointers(builder);
  new (&out->opaque) StructBuilderView{builder, chunk};
}

void put(const cp::ListReader& reader, uint64_t copy_words_max, polybus_list* out) {
  describe_elements(reader, out);
  new (&out->opaque) ListView{reader, copy_words_max};
}

void put(cp::ListBuilder builder, bus::ChunkBuilder* chunk, polybus_list_builder* out) {
  describe_elements(builder, out);
  new (&out->opaque) ListBuilderView{builder, chunk};
}

polybus_struct root_view(bus::Frame& frame) {
  polybus_struct out;
  put(bus::root_reader(frame), bus::whole_message_limit(frame.words()), &out);
  return out;
}

polybus_struct_builder root_view(bus::ChunkBuilder& message, const bus::StructEntry& type) {
  auto root = cp::PointerHelpers<capnp::AnyPointer>::getInternalBuilder(message.getRoot<capnp::AnyPointer>());
  cp::StructSize size(capnp::bounded(type.data_words) * capnp::WORDS,
                      capnp::bounded(type.pointer_count) * capnp::POINTERS);
  polybus_struct_builder out;
  put(root.isNull() ? root.initStruct(size) : root.getStruct(size, nullptr), &message, &out);
  return out;
}

ElementSize element_size(polybus_type element) {
  if (element.kind < POLYBUS_KIND_VOID || element.kind > POLYBUS_KIND_ANY || element.list_depth < 0) {
    throw Error(Code::invalid_argument, "element is no type: kind " + std::to_string(element.kind) + ", list_depth " +
                                            std::to_string(element.list_depth));
  }
  return bus::element_size_of({static_cast<bus::Kind>(element.kind), element.list_depth, element.index});
}

}  // namespace polybus::c

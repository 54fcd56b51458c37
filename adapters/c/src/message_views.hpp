// Cap'n Proto's readers and builders as the by-value structs of the C interface, and back.
//
// The opaque part holds capnp's own reader or builder, so a getter costs a copy of 48 bytes and capnp's checks, nothing
// else: languages call these once per pointer field. The plain members beside it are what scalars are loaded from.
#pragma once

#include <capnp/any.h>
#include <capnp/layout.h>
#include <capnp/message.h>
#include <polybus/polybus.h>

#include <new>
#include <type_traits>

#include "bus/message/chunk_builder.hpp"
#include "bus/message/field_table.hpp"
#include "bus/message/frame.hpp"

namespace polybus::c {

// What a view carries besides the reader: how many words a copy of it may have, as its message is only so large.
struct StructView {
  capnp::_::StructReader reader;
  uint64_t copy_words_max;
};
struct ListView {
  capnp::_::ListReader reader;
  uint64_t copy_words_max;
};

// What a builder's view carries besides the builder: whose memory it is in, where that is known.
struct StructBuilderView {
  capnp::_::StructBuilder builder;
  bus::ChunkBuilder* chunk;
};
struct ListBuilderView {
  capnp::_::ListBuilder builder;
  bus::ChunkBuilder* chunk;
};

static_assert(sizeof(StructView) <= sizeof(polybus_struct::opaque));
static_assert(sizeof(ListView) <= sizeof(polybus_list::opaque));
static_assert(sizeof(StructBuilderView) <= sizeof(polybus_struct_builder::opaque));
static_assert(sizeof(ListBuilderView) <= sizeof(polybus_list_builder::opaque));
static_assert(std::is_trivially_destructible_v<StructView> && std::is_trivially_destructible_v<ListView> &&
              std::is_trivially_destructible_v<StructBuilderView> && std::is_trivially_destructible_v<ListBuilderView>);

// The object inside a view's opaque words. Languages copy views as plain bytes, which capnp's readers and builders allow.
template <typename T, typename View>
T& unpack(View* view) noexcept {
  using Result = std::conditional_t<std::is_const_v<View>, const T, T>;
  return const_cast<T&>(*std::launder(reinterpret_cast<Result*>(&view->opaque)));
}

void put(const capnp::_::StructReader& reader, uint64_t copy_words_max, polybus_struct* out) noexcept;
void put(capnp::_::StructBuilder builder, bus::ChunkBuilder* chunk, polybus_struct_builder* out) noexcept;
// May throw kj::Exception: the elements lie deeper than capnp's nesting limit.
void put(const capnp::_::ListReader& reader, uint64_t copy_words_max, polybus_list* out);
void put(capnp::_::ListBuilder builder, bus::ChunkBuilder* chunk, polybus_list_builder* out);

// The root struct of a message, as C sees it. May throw kj::Exception.
polybus_struct root_view(bus::Frame& frame);
// For drafts and other makers of messages: made with `type`'s size at the first call, afterwards what is there.
polybus_struct_builder root_view(bus::ChunkBuilder& message, const bus::StructEntry& type);

// How elements of this type lie in a list. Throws Error(invalid_argument) for what is no type.
capnp::ElementSize element_size(polybus_type element);

}  // namespace polybus::c

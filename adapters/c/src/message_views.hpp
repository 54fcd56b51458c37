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

#include "bus/message/field_table.hpp"
#include "bus/message/frame.hpp"

namespace polybus::c {

// What a struct view carries besides the reader: how many words its message has, to bound whole copies of it.
struct StructView {
  capnp::_::StructReader reader;
  uint64_t frame_words;
};
struct ListView {
  capnp::_::ListReader reader;
  uint64_t frame_words;
};

static_assert(sizeof(StructView) <= sizeof(polybus_struct::opaque));
static_assert(sizeof(ListView) <= sizeof(polybus_list::opaque));
static_assert(sizeof(capnp::_::StructBuilder) <= sizeof(polybus_struct_builder::opaque));
static_assert(sizeof(capnp::_::ListBuilder) <= sizeof(polybus_list_builder::opaque));
static_assert(std::is_trivially_destructible_v<StructView> && std::is_trivially_destructible_v<ListView> &&
              std::is_trivially_destructible_v<capnp::_::StructBuilder> &&
              std::is_trivially_destructible_v<capnp::_::ListBuilder>);

// The object inside a view's opaque words. Languages copy views as plain bytes, which capnp's readers and builders allow.
template <typename T, typename View>
T& unpack(View* view) noexcept {
  using Result = std::conditional_t<std::is_const_v<View>, const T, T>;
  return const_cast<T&>(*std::launder(reinterpret_cast<Result*>(&view->opaque)));
}

void put(const capnp::_::StructReader& reader, uint64_t frame_words, polybus_struct* out) noexcept;
void put(capnp::_::StructBuilder builder, polybus_struct_builder* out) noexcept;
// May throw kj::Exception: the elements lie deeper than capnp's nesting limit.
void put(const capnp::_::ListReader& reader, uint64_t frame_words, polybus_list* out);
void put(capnp::_::ListBuilder builder, polybus_list_builder* out);

// The root struct of a message, as C sees it. May throw kj::Exception.
polybus_struct root_view(bus::Frame& frame);
// For drafts and other makers of messages: made with `type`'s size at the first call, afterwards what is there.
polybus_struct_builder root_view(capnp::MessageBuilder& message, const bus::StructEntry& type);

// How elements of this type lie in a list. Throws Error(invalid_argument) for what is no type.
capnp::ElementSize element_size(polybus_type element);

}  // namespace polybus::c

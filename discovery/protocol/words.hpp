// Small things that encoding and decoding share. For discovery/protocol/*.cpp only: it brings Cap'n Proto along.
#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>
#include <span>
#include <string>

#include "discovery/protocol/codec.hpp"
#include "schemas/control.capnp.h"

namespace polybus::discovery::words {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;  // clang 14 does not deduce it by itself

// ---- writing
inline void put(control::Failure::Builder to, const Failure& from) {
  to.setCode(static_cast<int32_t>(from.code));
  to.setMessage(from.message);
}

inline void put(control::Schema::Builder to, const SchemaInfo& from) {
  to.setFingerprint(from.fingerprint);
  to.setTypeName(from.type_name);
  if (from.bundle != nullptr)
    to.setBundle({reinterpret_cast<const kj::byte*>(from.bundle->data()), from.bundle->size()});
}

inline void put(control::Extent::Builder to, const ExtentPlace& from) {
  to.setId(from.id);
  to.setOffset(from.offset);
  to.setBytes(from.bytes);
  to.setTicket(from.ticket);
}

inline Frame to_frame(capnp::MessageBuilder& message, std::vector<SharedFd> fds) {
  const auto segments = message.getSegmentsForOutput();
  Frame frame;
  frame.bytes.resize(capnp::computeSerializedSizeInWords(segments) * sizeof(capnp::word));
  kj::ArrayOutputStream stream({reinterpret_cast<kj::byte*>(frame.bytes.data()), frame.bytes.size()});
  capnp::writeMessage(stream, segments);
  frame.fds = std::move(fds);
  return frame;
}

// ---- reading
inline std::string text(capnp::Text::Reader from) {
  if (from.size() > kTextBytesMax) throw ProtocolError("a text of " + std::to_string(from.size()) + " bytes");
  return {from.cStr(), from.size()};
}

inline Failure failure(control::Failure::Reader from) {
  return {static_cast<Code>(from.getCode()), text(from.getMessage())};
}

inline std::optional<SchemaInfo> schema(bool there, control::Schema::Reader from) {
  if (!there) return std::nullopt;
  SchemaInfo info{text(from.getFingerprint()), text(from.getTypeName()), nullptr};
  if (info.fingerprint.size() != 64 || info.fingerprint.find_first_not_of("0123456789abcdef") != std::string::npos)
    throw ProtocolError("a schema fingerprint that is none");
  const auto bundle = from.getBundle();
  if (bundle.size() > kSchemaBytesMax) throw ProtocolError("a schema of " + std::to_string(bundle.size()) + " bytes");
  if (bundle.size() != 0) {
    const auto* begin = reinterpret_cast<const std::byte*>(bundle.begin());
    info.bundle = std::make_shared<const std::vector<std::byte>>(begin, begin + bundle.size());
  }
  return info;
}

inline ExtentPlace extent(control::Extent::Reader from) {
  return {from.getId(), from.getOffset(), from.getBytes(), from.getTicket()};
}

// Runs `decode` on the root of the message and turns whatever Cap'n Proto objects to into a ProtocolError.
template <typename Root, typename Decode>
auto decode(std::span<const std::byte> bytes, Decode&& decode) {
  try {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = bytes.size() / sizeof(capnp::word) + 1024;
    options.nestingLimit = 16;
    capnp::FlatArrayMessageReader message(
        {reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / sizeof(capnp::word)}, options);
    return decode(message.getRoot<Root>());
  } catch (const kj::Exception& e) {
    throw ProtocolError(std::string("not a message: ") + e.getDescription().cStr());
  }
}

}  // namespace polybus::discovery::words

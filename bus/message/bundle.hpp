// Schema bundles: a type with all it refers to as one piece of bytes, for the registry, recordings and other processes.
#pragma once

#include <capnp/schema-loader.h>
#include <capnp/schema.h>
#include <kj/array.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "bus/message/sha256.hpp"

namespace polybus::bus {

// A bundle comes from other programs; these bound what it may cost to look at one.
inline constexpr size_t kBundleBytesMax = 4u << 20;
inline constexpr size_t kBundleNodesMax = 4096;
inline constexpr size_t kNameBytesMax = 255;          // of a field or an enumerant
inline constexpr size_t kDisplayNameBytesMax = 4096;  // of a type, with the folders of its file

// A CodeGeneratorRequest in stream framing, `closure` (root first) as its nodes; MCAP's registered `capnproto` schema
// encoding. Folders are cut off display names, so that the same file gives the same bytes wherever it lies.
kj::Array<capnp::word> make_bundle(std::span<const capnp::Schema> closure);

struct LoadedBundle {
  std::unique_ptr<capnp::SchemaLoader> loader;
  std::vector<capnp::Schema> closure;  // root first; owned by the loader
};
// Checks and loads bytes from anywhere. Throws Error(bad_schema).
LoadedBundle load_bundle(std::span<const std::byte> bytes);

// SHA-256 over the root's id and the canonical form of every node, by id, without what does not matter on the wire:
// paths, the order of source lines, annotations, nested types that nobody refers to.
Sha256::Digest fingerprint_of(std::span<const capnp::Schema> closure);

}  // namespace polybus::bus

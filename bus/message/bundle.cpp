#include "bus/message/bundle.hpp"

#include <capnp/message.h>
#include <capnp/schema.capnp.h>
#include <capnp/serialize.h>

#include <algorithm>
#include <set>
#include <string>

#include "bus/message/closure.hpp"
#include "bus/message/frame.hpp"
#include "bus/message/kj_errors.hpp"
#include "bus/message/schema_state.hpp"
#include "bus/message/utf8.hpp"

namespace polybus::bus {
namespace {

namespace schema = capnp::schema;

std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

capnp::Text::Reader text_reader(const std::string& text) { return {text.c_str(), text.size()}; }

void shorten_display_name(schema::Node::Builder node) {
  std::string name(view(node.getDisplayName().asReader()));
  std::string shorter(without_folders(name));
  size_t cut = name.size() - shorter.size();
  size_t prefix = node.getDisplayNamePrefixLength();
  node.setDisplayName(text_reader(shorter));
  node.setDisplayNamePrefixLength(static_cast<uint32_t>(prefix > cut ? prefix - cut : 0));
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = utf8_character(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

// Names end up in listings, logs and refusals, so a stranger's must be short and printable.
void check_name(std::string_view name, size_t bytes_max) {
  const bool is_printable =
      std::all_of(name.begin(), name.end(), [](char c) { return (c < 0 || c >= ' ') && c != 0x7f; });
  if (!is_utf8(name)) throw Error(Code::bad_schema, "schema bundle: a name in it is not UTF-8");
  if (is_printable && name.size() <= bytes_max) return;
  throw Error(Code::bad_schema, "schema bundle: a name of " + std::to_string(name.size()) +
                                    " bytes: names are printable and at most " + std::to_string(bytes_max) +
                                    " bytes long");
}

// Cap'n Proto 0.9.2: SchemaLoader names what it looks at in the context of its own errors; when that name is what is broken,
// it recurses until the stack overflows. So every text it does that with is read here first, where it may throw.
void check_node(schema::Node::Reader node) {
  check_name(view(node.getDisplayName()), kDisplayNameBytesMax);
  if (node.getDisplayNamePrefixLength() > node.getDisplayName().size()) {
    throw Error(Code::bad_schema, "schema bundle: a display name is shorter than its prefix");
  }
  for (auto parameter : node.getParameters()) check_name(view(parameter.getName()), kNameBytesMax);
  if (node.isStruct()) {
    for (auto field : node.getStruct().getFields()) check_name(view(field.getName()), kNameBytesMax);
  } else if (node.isEnum()) {
    for (auto enumerant : node.getEnum().getEnumerants()) check_name(view(enumerant.getName()), kNameBytesMax);
  } else if (node.isInterface()) {
    for (auto method : node.getInterface().getMethods()) check_name(view(method.getName()), kNameBytesMax);
  }
}

// A loader answers for types it was never given with empty ones; a bundle that needs them is not whole.
void check_complete(const std::vector<capnp::Schema>& closure, const std::set<uint64_t>& given) {
  for (const auto& type : closure) {
    if (!given.contains(type.getProto().getId())) {
      throw Error(Code::bad_schema, std::string("schema bundle: the type with id 0x") +
                                        kj::str(kj::hex(type.getProto().getId())).cStr() +
                                        " is referred to but not in it");
    }
  }
}

void hash_words(Sha256& hash, kj::ArrayPtr<const capnp::word> words) {
  hash.update({reinterpret_cast<const std::byte*>(words.begin()), words.size() * sizeof(capnp::word)});
}

void hash_number(Sha256& hash, uint64_t number) { hash.update(std::as_bytes(std::span(&number, 1))); }

// Leaves what decides how bytes are read, and the names.
void strip(schema::Node::Builder node, const std::string& short_name) {
  node.setDisplayName(text_reader(short_name));
  node.setDisplayNamePrefixLength(0);
  bool is_group = node.isStruct() && node.getStruct().getIsGroup();
  if (!is_group) node.setScopeId(0);
  node.disownNestedNodes();
  node.disownAnnotations();
  for (auto parameter : node.getParameters()) check_name(view(parameter.getName()), kNameBytesMax);
  if (node.isStruct()) {
    for (auto field : node.getStruct().getFields()) {
      field.disownAnnotations();
      field.setCodeOrder(0);
    }
  } else if (node.isEnum()) {
    for (auto enumerant : node.getEnum().getEnumerants()) {
      enumerant.disownAnnotations();
      enumerant.setCodeOrder(0);
    }
  } else if (node.isInterface()) {  // no message has one, let alone calls it
    node.getInterface().disownMethods();
    node.getInterface().disownSuperclasses();
  }
}

}  // namespace

kj::Array<capnp::word> make_bundle(std::span<const capnp::Schema> closure) {
  return translate_kj(Code::bad_schema, "schema: ", [&] {
    capnp::MallocMessageBuilder message;
    auto request = message.initRoot<schema::CodeGeneratorRequest>();
    auto nodes = request.initNodes(static_cast<unsigned>(closure.size()));
    for (unsigned i = 0; i < nodes.size(); ++i) {
      nodes.setWithCaveats(i, closure[i].getProto());
      shorten_display_name(nodes[i]);
    }
    return capnp::messageToFlatArray(message);
  });
}

LoadedBundle load_bundle(std::span<const std::byte> bytes) {
  if (bytes.size() > kBundleBytesMax) {
    throw Error(Code::bad_schema, "schema bundle of " + std::to_string(bytes.size()) + " bytes: at most " +
                                      std::to_string(kBundleBytesMax) + " are accepted");
  }
  return translate_kj(Code::bad_schema, "schema bundle: ", [&] {
    Frame frame(bytes, Code::bad_schema, whole_message_limit(bytes.size() / sizeof(capnp::word)));
    // A copy has no pointers that lead to the same place, so reading it needs no limit. Otherwise a limit could be reached
    // while the loader reads a name, see check_node().
    capnp::MallocMessageBuilder copy(static_cast<unsigned>(frame.words()));
    copy.setRoot(frame.getRoot<schema::CodeGeneratorRequest>());
    auto nodes = copy.getRoot<schema::CodeGeneratorRequest>().asReader().getNodes();
    if (nodes.size() == 0 || nodes.size() > kBundleNodesMax) {
      throw Error(Code::bad_schema, "schema bundle of " + std::to_string(nodes.size()) + " nodes: 1 to " +
                                        std::to_string(kBundleNodesMax) + " are accepted");
    }
    for (auto node : nodes) check_node(node);

    LoadedBundle loaded{std::make_unique<capnp::SchemaLoader>(), {}};
    std::set<uint64_t> given;
    for (auto node : nodes) {
      loaded.loader->load(node);
      given.insert(node.getId());
    }
    auto root = nodes[0];
    if (!root.isStruct() || root.getStruct().getIsGroup()) {
      throw Error(Code::bad_schema,
                  "schema bundle: its first node, " + std::string(view(root.getDisplayName())) + ", is not a struct");
    }
    loaded.closure = closure_of(loaded.loader->get(root.getId()).asStruct());
    check_complete(loaded.closure, given);
    return loaded;
  });
}

Sha256::Digest fingerprint_of(std::span<const capnp::Schema> closure) {
  return translate_kj(Code::bad_schema, "schema: ", [&] {
    std::vector<capnp::Schema> by_id(closure.begin(), closure.end());
    std::sort(by_id.begin(), by_id.end(),
              [](const auto& a, const auto& b) { return a.getProto().getId() < b.getProto().getId(); });
    Sha256 hash;
    hash_number(hash, closure.front().getProto().getId());
    for (const auto& type : by_id) {
      auto proto = type.getProto();
      capnp::MallocMessageBuilder copy;
      copy.setRoot(proto);
      auto node = copy.getRoot<schema::Node>();
      shorten_display_name(node);  // as make_bundle() does, so that a bundle means what it was made from
      strip(node, std::string(view(node.asReader().getDisplayName()).substr(node.getDisplayNamePrefixLength())));
      auto canonical = capnp::canonicalize(node.asReader());
      hash_number(hash, proto.getId());
      hash_number(hash, canonical.size());
      hash_words(hash, canonical);
    }
    return hash.finish();
  });
}

}  // namespace polybus::bus

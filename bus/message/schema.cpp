#include <polybus/schema.hpp>

#include <cstring>

#include "bus/message/bundle.hpp"
#include "bus/message/closure.hpp"
#include "bus/message/kj_errors.hpp"
#include "bus/message/schema_state.hpp"

namespace polybus {
namespace {

std::string hex(const bus::Sha256::Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::shared_ptr<const bus::SchemaState> make_state(std::unique_ptr<capnp::SchemaLoader> loader,
                                                   capnp::StructSchema root,
                                                   const std::vector<capnp::Schema>& closure) {
  auto state = std::make_shared<bus::SchemaState>();
  state->loader = std::move(loader);
  state->root = root;
  state->bundle = bus::make_bundle(closure);
  state->digest = bus::fingerprint_of(closure);
  state->fingerprint = hex(state->digest);
  auto name = root.getProto().getDisplayName();
  state->type_name = bus::without_folders({name.begin(), name.size()});
  return state;
}

}  // namespace

Schema Schema::from_bundle(std::span<const std::byte> bundle) {
  auto loaded = bus::load_bundle(bundle);
  auto root = loaded.closure.front().asStruct();
  return Schema(make_state(std::move(loaded.loader), root, loaded.closure));
}

Schema Schema::from_struct(capnp::StructSchema type) {
  auto closure = bus::translate_kj(Code::bad_schema, "schema: ", [&] { return bus::closure_of(type); });
  return Schema(make_state(nullptr, type, closure));
}

std::span<const std::byte> Schema::bundle() const noexcept {
  const auto& words = state_->bundle;
  return {reinterpret_cast<const std::byte*>(words.begin()), words.size() * sizeof(capnp::word)};
}

const std::string& Schema::fingerprint() const noexcept { return state_->fingerprint; }

uint64_t Schema::fingerprint_prefix() const noexcept {
  uint64_t prefix;
  std::memcpy(&prefix, state_->digest.data(), sizeof prefix);
  return prefix;
}

const std::string& Schema::type_name() const noexcept { return state_->type_name; }

uint64_t Schema::id() const noexcept { return state_->root.getProto().getId(); }

capnp::StructSchema Schema::struct_schema() const noexcept { return state_->root; }

std::string_view bus::without_folders(std::string_view display_name) {
  size_t colon = display_name.find(':');
  size_t slash = display_name.rfind('/', colon);
  return slash == std::string_view::npos ? display_name : display_name.substr(slash + 1);
}

}  // namespace polybus

// What the copies of a polybus::Schema share.
#pragma once

#include <capnp/schema-loader.h>
#include <capnp/schema.h>

#include <array>
#include <memory>
#include <mutex>
#include <polybus/schema.hpp>
#include <string>
#include <utility>

#include "bus/message/field_table.hpp"
#include "bus/message/sha256.hpp"

namespace polybus::bus {

struct SchemaState {
  std::unique_ptr<capnp::SchemaLoader> loader;  // owns what `root` points to; null for generated code
  capnp::StructSchema root;
  kj::Array<capnp::word> bundle;
  Sha256::Digest digest;
  std::string fingerprint;
  std::string type_name;

  // Made at first use: busd, for one, never needs it.
  const FieldTable& fields() const {
    std::call_once(fields_once_, [&] { fields_ = build_field_table(root); });
    return fields_;
  }

  // One thing an adapter keeps with the schema, made at first use (the C interface's tables).
  template <typename T, typename Make>
  const T& attachment(Make&& make) const {
    std::call_once(attachment_once_, [&] { attachment_ = std::make_shared<const T>(make()); });
    return *static_cast<const T*>(attachment_.get());
  }

 private:
  mutable std::once_flag fields_once_;
  mutable FieldTable fields_;
  mutable std::once_flag attachment_once_;
  mutable std::shared_ptr<const void> attachment_;
};

// The tables of a schema's types.
inline const FieldTable& fields_of(const Schema& schema) { return schema.state().fields(); }

// "imu.capnp:Imu" of "some/where/imu.capnp:Imu".
std::string_view without_folders(std::string_view display_name);

}  // namespace polybus::bus

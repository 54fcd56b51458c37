// Messages as JSON and back; docs/json.md has the rules.
#pragma once

#include <capnp/layout.h>
#include <capnp/message.h>

#include <cstddef>
#include <polybus/schema.hpp>
#include <span>
#include <string>
#include <string_view>

#include "bus/message/field_table.hpp"

namespace polybus::bus {

// The canonical text of a whole message: no spaces, fields in the schema's order.
//   throws   Error(bad_message): the bytes are no message of the schema, or claim more than they hold
std::string to_json(const Schema& schema, std::span<const std::byte> frame);

// Sets what the text says in `to`, a fresh struct of type `type` (one of table.structs).
//   throws   Error(invalid_argument): not JSON, or a field is unknown or gets what it cannot hold; names the field's path
void set_json(const FieldTable& table, const StructEntry& type, std::string_view json, capnp::_::StructBuilder to);

// The message a text says, built into `message`.
void from_json(const Schema& schema, std::string_view json, capnp::MessageBuilder& message);

}  // namespace polybus::bus

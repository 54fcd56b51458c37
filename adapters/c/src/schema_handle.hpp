// polybus_schema: how a Schema looks from C.
#pragma once

#include <polybus/polybus.h>

#include <polybus/schema.hpp>

namespace polybus::c {

// A new handle with one count, given back with polybus_schema_release(). Cheap: the tables belong to the schema's shared
// state and are made once.
polybus_schema* make_schema_handle(Schema schema);

// The Schema behind a handle.
const Schema& schema_of(const polybus_schema* handle) noexcept;

}  // namespace polybus::c

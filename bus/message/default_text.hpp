// The defaults of fields: are they the same, and how does one say them.
#pragma once

#include <string>

#include "bus/message/field_table.hpp"

namespace polybus::bus {

// For fields of one kind. Pointers are compared by what they lead to.
bool same_default(const FieldEntry& a, const FieldEntry& b);

// "7", "true", "busy", "\"base\""; "none" for a pointer field without one, "of its own" for what is too large to say.
std::string default_text(const FieldTable& table, const FieldEntry& field);

}  // namespace polybus::bus

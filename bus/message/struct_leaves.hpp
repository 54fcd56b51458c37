// A struct's fields by the number that evolution never changes: its ordinals, with those of its groups among them.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "bus/message/field_table.hpp"

namespace polybus::bus {

// One of a union's alternatives; a field that lies in unions inside of unions is in several.
struct Alternative {
  uint32_t union_bit_offset = 0;  // of the tag
  int32_t discriminant = 0;       // what the tag is when this one is set

  friend bool operator==(const Alternative&, const Alternative&) = default;
};

// A field that has bits or a pointer of its own, so no group.
struct Leaf {
  const FieldEntry* field = nullptr;
  const std::string* prefix = nullptr;    // "pose." for a member of a group, else empty
  std::vector<Alternative> alternatives;  // outermost first

  std::string name() const { return *prefix + field->name; }  // "pose.heading"
};

// Moved, never copied: leaves point at the prefixes. The table must outlive it.
struct StructLeaves {
  std::deque<std::string> prefixes;
  std::map<int32_t, Leaf> by_ordinal;

  StructLeaves() = default;
  StructLeaves(StructLeaves&&) = default;

  const Leaf* find(int32_t ordinal) const;
  // The unions, by the place of their tag, that had alternatives beside the first one already for who knows only the
  // ordinals of `other`.
  std::set<uint32_t> unions_known_to(const StructLeaves& other) const;
};

StructLeaves leaves_of(const FieldTable& table, int32_t struct_index);

}  // namespace polybus::bus

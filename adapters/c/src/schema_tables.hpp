// A schema's field tables in the C interface's structs.
#pragma once

#include <polybus/polybus.h>

#include <deque>
#include <vector>

#include "bus/message/field_table.hpp"

namespace polybus::c {

// Points into the FieldTable it was made from, which must outlive it.
struct SchemaTables {
  explicit SchemaTables(const bus::FieldTable& table);
  SchemaTables(SchemaTables&&) = default;

  std::vector<polybus_struct_info> structs;
  std::vector<polybus_enum_info> enums;

 private:
  std::deque<std::vector<polybus_field>> fields_;
  std::deque<std::vector<const char*>> enumerants_;
};

}  // namespace polybus::c

// Schemas: one struct type each, with the tables its messages are read and written by.
//
// The tables are made once per type. Field names are interned strings, so that an attribute lookup is a hash of the
// name's address; the scalar behind it is then loaded right here, without a call into the library.
#pragma once

#include <polybus/polybus.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "object.hpp"

namespace polybus_python {

struct StructTable {
  const polybus_struct_info* info = nullptr;
  std::vector<Ref> names;      // of the fields
  std::vector<int32_t> slots;  // open addressing by the name's address; -1: free
  uint32_t mask = 0;
  Ref index;                    // dict: name -> position, for names that are equal but not the same object
  bool has_array_form = false;  // some field can be a column of a numpy structured array
  mutable std::map<uint64_t, std::string> array_formats;  // by (stride, data bits); entries are never erased

  // Position of the field called `name`, -1 if there is none.
  int find(PyObject* name) const;
  const polybus_field& field(int position) const { return info->fields[position]; }
  // "a, b, c", for messages.
  std::string field_list() const;
};

struct EnumTable {
  const polybus_enum_info* info = nullptr;
  std::vector<Ref> names;
  Ref values;  // dict: name -> number
};

struct SchemaTables {
  explicit SchemaTables(polybus_schema* owned) : handle(owned) {}
  ~SchemaTables();
  SchemaTables(const SchemaTables&) = delete;
  SchemaTables& operator=(const SchemaTables&) = delete;

  polybus_schema* handle;
  std::vector<StructTable> structs;  // 0 is the root type
  std::vector<EnumTable> enums;
};
using TablesPtr = std::shared_ptr<const SchemaTables>;

// The tables of a schema; the same ones for the same schema while they live. Takes over one count of `owned`.
TablesPtr tables_of(polybus_schema* owned);

struct SchemaFileHandle {
  ~SchemaFileHandle() { polybus_schema_file_close(file); }
  polybus_schema_file* file = nullptr;
  std::map<std::string, Ref> constants;  // by scope, of those asked for: a Message whose fields they are, or None
};

// The constant `name` of a scope: "" for the file, else a struct's full name. NULL, without an error set if there is none.
PyObject* constant_of(SchemaFileHandle& file, const std::string& scope, PyObject* name);

// polybus.Schema
struct Schema {
  TablesPtr tables;
  std::string full_name;                   // in its file: "Outer.Inner"
  std::shared_ptr<SchemaFileHandle> file;  // for nested types; NULL for a schema that came over the bus
  Ref nested;                              // dict of those already looked up
};

PyObject* new_schema(TablesPtr tables);
// The tables of a schema argument; None gives none. false with InvalidArgumentError set.
bool schema_argument(PyObject* object, TablesPtr* tables);

bool add_schema_types(PyObject* module);
PyObject* load_schema(PyObject*, PyObject* args, PyObject* kwargs);
extern const char kLoadSchemaDoc[];

}  // namespace polybus_python

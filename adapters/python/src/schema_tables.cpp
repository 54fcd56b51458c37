#include <cstring>
#include <unordered_map>

#include "scalar.hpp"
#include "schema.hpp"

namespace polybus_python {
namespace {

uint32_t slot_of(const void* name, uint32_t mask) {
  return (static_cast<uint32_t>(reinterpret_cast<uintptr_t>(name) >> 4) * 0x9E3779B1u >> 7) & mask;
}

bool fill(StructTable& table, const polybus_struct_info& info) {
  table.info = &info;
  uint32_t capacity = 4;
  while (capacity < 3 * info.field_count) capacity *= 2;  // a third full at most: misses end soon, too
  table.mask = capacity - 1;
  table.slots.assign(capacity, -1);
  table.index = Ref::steal(PyDict_New());
  for (uint32_t i = 0; i < info.field_count; ++i) {
    Ref name = Ref::steal(PyUnicode_InternFromString(info.fields[i].name));
    Ref position = Ref::steal(PyLong_FromUnsignedLong(i));
    if (!name || !position || PyDict_SetItem(table.index.get(), name.get(), position.get()) < 0) return false;
    uint32_t at = slot_of(name.get(), table.mask);
    while (table.slots[at] >= 0) at = (at + 1) & table.mask;
    table.slots[at] = static_cast<int32_t>(i);
    table.names.push_back(std::move(name));
    table.has_array_form |= is_array_column(info.fields[i]);
  }
  return true;
}

bool fill(EnumTable& table, const polybus_enum_info& info) {
  table.info = &info;
  table.values = Ref::steal(PyDict_New());
  for (uint32_t i = 0; i < info.enumerant_count; ++i) {
    Ref name = Ref::steal(PyUnicode_InternFromString(info.enumerants[i]));
    Ref value = Ref::steal(PyLong_FromUnsignedLong(i));
    if (!name || !value || PyDict_SetItem(table.values.get(), name.get(), value.get()) < 0) return false;
    table.names.push_back(std::move(name));
  }
  return true;
}

// Guarded by the GIL. Entries of schemas that are gone are dropped when the map is next added to.
// By the library's own tables: it makes those once per schema, but a new handle for every sample.
std::unordered_map<const polybus_struct_info*, std::weak_ptr<const SchemaTables>>& known_tables() {
  static auto* known = new std::unordered_map<const polybus_struct_info*, std::weak_ptr<const SchemaTables>>;
  return *known;
}

}  // namespace

SchemaTables::~SchemaTables() { polybus_schema_release(handle); }

int StructTable::find(PyObject* name) const {
  for (uint32_t at = slot_of(name, mask); slots[at] >= 0; at = (at + 1) & mask) {
    if (names[static_cast<size_t>(slots[at])].get() == name) return slots[at];
  }
  if (!PyUnicode_Check(name)) return -1;
  PyObject* position = PyDict_GetItemWithError(index.get(), name);
  if (!position) {
    PyErr_Clear();
    return -1;
  }
  return static_cast<int>(PyLong_AsLong(position));
}

std::string StructTable::field_list() const {
  std::string list;
  for (uint32_t i = 0; i < info->field_count; ++i) list.append(i ? ", " : "").append(info->fields[i].name);
  return list.empty() ? "none" : list;
}

TablesPtr tables_of(polybus_schema* owned) {
  size_t count = 0;
  const polybus_struct_info* structs = polybus_schema_structs(owned, &count);
  auto& known = known_tables();
  if (auto found = known.find(structs); found != known.end()) {
    if (TablesPtr tables = found->second.lock()) {
      polybus_schema_release(owned);
      return tables;
    }
  }
  auto tables = std::make_shared<SchemaTables>(owned);
  tables->structs.resize(count);
  for (size_t i = 0; i < count; ++i) {
    if (!fill(tables->structs[i], structs[i])) return nullptr;
  }
  const polybus_enum_info* enums = polybus_schema_enums(owned, &count);
  tables->enums.resize(count);
  for (size_t i = 0; i < count; ++i) {
    if (!fill(tables->enums[i], enums[i])) return nullptr;
  }
  std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  known[structs] = tables;
  return tables;
}

}  // namespace polybus_python

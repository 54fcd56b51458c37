#include "scalar.hpp"

#include <cmath>
#include <limits>

#include "errors.hpp"

namespace polybus_python {
namespace {

struct IntegerRange {
  int64_t low;
  uint64_t high;
};
constexpr IntegerRange range_of(int32_t kind) {
  switch (kind) {
    case POLYBUS_KIND_INT8: return {INT8_MIN, INT8_MAX};
    case POLYBUS_KIND_INT16: return {INT16_MIN, INT16_MAX};
    case POLYBUS_KIND_INT32: return {INT32_MIN, INT32_MAX};
    case POLYBUS_KIND_INT64: return {INT64_MIN, INT64_MAX};
    case POLYBUS_KIND_UINT8: return {0, UINT8_MAX};
    case POLYBUS_KIND_UINT32: return {0, UINT32_MAX};
    case POLYBUS_KIND_UINT64: return {0, UINT64_MAX};
    default: return {0, UINT16_MAX};  // UInt16 and enums
  }
}

// bool and numpy's bool. The latter is told by its name: numpy is optional, and not imported here.
bool is_bool(PyObject* value) {
  if (PyBool_Check(value)) return true;
  if (PyLong_CheckExact(value) || PyFloat_CheckExact(value) || PyUnicode_CheckExact(value)) return false;
  TypeName type(value);
  return strcmp(type.text(), "bool") == 0 || strcmp(type.text(), "bool_") == 0;
}

std::string range_text(int32_t kind) {
  const IntegerRange range = range_of(kind);
  return " (" + std::to_string(range.low) + " to " + std::to_string(range.high) + ")";
}

// A number of the wrong size is told from a value of the wrong type.
bool no_integer(const SchemaTables& tables, const polybus_type& type, PyObject* value, const Path& path) {
  const bool is_number = !is_bool(value) && (PyLong_Check(value) || PyFloat_Check(value));
  return path.expected(type_text(tables, type) + (is_number ? range_text(type.kind) : ""), value);
}

bool integer_from_python(const SchemaTables& tables, const polybus_type& type, PyObject* value, const Path& path,
                         uint64_t* raw) {
  Ref number;
  if (PyLong_CheckExact(value)) {
    number = Ref::borrow(value);
  } else {
    if (is_bool(value) || !PyIndex_Check(value)) return no_integer(tables, type, value, path);
    number = Ref::steal(PyNumber_Index(value));
    if (!number) {
      PyErr_Clear();
      return no_integer(tables, type, value, path);
    }
  }
  const IntegerRange range = range_of(type.kind);
  int overflow = 0;
  const int64_t signed_value = PyLong_AsLongLongAndOverflow(number.get(), &overflow);
  if (overflow == 0) {
    if (signed_value < range.low || (signed_value > 0 && static_cast<uint64_t>(signed_value) > range.high)) {
      return no_integer(tables, type, number.get(), path);
    }
    *raw = static_cast<uint64_t>(signed_value);
    return true;
  }
  if (overflow > 0 && type.kind == POLYBUS_KIND_UINT64) {
    *raw = PyLong_AsUnsignedLongLong(number.get());
    if (!PyErr_Occurred()) return true;
    PyErr_Clear();
  }
  return no_integer(tables, type, number.get(), path);
}

bool float_from_python(const SchemaTables& tables, const polybus_type& type, PyObject* value, const Path& path,
                       uint64_t* raw) {
  double number;
  if (PyFloat_CheckExact(value)) {
    number = PyFloat_AsDouble(value);
  } else {
    // int, numpy scalars and whatever else is a number; PyFloat_AsDouble alone would take numpy's bool as well.
    if (is_bool(value)) return path.expected(type_text(tables, type), value);
    number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
      const bool overflow = PyErr_ExceptionMatches(PyExc_OverflowError);
      PyErr_Clear();
      if (overflow) return path.expected(type_text(tables, type), value);
      return path.expected(type_text(tables, type), value);
    }
  }
  if (type.kind == POLYBUS_KIND_FLOAT64) {
    memcpy(raw, &number, sizeof number);
    return true;
  }
  const float narrow = static_cast<float>(number);
  if (std::isinf(narrow) && !std::isinf(number)) {
    return path.expected("Float32 (up to 3.4028235e38)", value);
  }
  *raw = 0;
  memcpy(raw, &narrow, sizeof narrow);
  return true;
}

bool enum_from_python(const SchemaTables& tables, const polybus_type& type, PyObject* value, const Path& path,
                      uint64_t* raw) {
  const EnumTable& table = tables.enums[static_cast<size_t>(type.index)];
  std::string given;
  if (!PyUnicode_Check(value)) {
    Ref number = is_bool(value) || !PyIndex_Check(value) ? Ref() : Ref::steal(PyNumber_Index(value));
    const long known = number ? PyLong_AsLong(number.get()) : -1;
    PyErr_Clear();
    *raw = static_cast<uint64_t>(known);
    if (known >= 0 && known <= UINT16_MAX) return true;
    given = given_text(number ? number.get() : value);
  } else {
    if (PyObject* number = PyDict_GetItemWithError(table.values.get(), value)) {
      *raw = PyLong_AsUnsignedLong(number);
      return true;
    }
    PyErr_Clear();
    const char* text = PyUnicode_AsUTF8AndSize(value, nullptr);
    if (!text) PyErr_Clear();
    given = std::string("\"") + (text ? text : "?") + "\"";
  }
  std::string names;
  for (uint32_t i = 0; i < table.info->enumerant_count; ++i) {
    names.append(i ? ", " : "").append(table.info->enumerants[i]);
  }
  return path.invalid("expected " + type_text(tables, type) + " (" + names + "), got " + given);
}

}  // namespace

std::string type_text(const SchemaTables& tables, const polybus_type& type) {
  static const char* const kNames[] = {"Void",  "Bool",   "Int8",   "Int16",  "Int32",     "Int64",
                                       "UInt8", "UInt16", "UInt32", "UInt64", "Float32",   "Float64",
                                       "enum",  "Text",   "Data",   "struct", "interface", "AnyPointer"};
  std::string text = type.kind >= 0 && type.kind <= POLYBUS_KIND_ANY ? kNames[type.kind] : "?";
  if (type.index >= 0) {
    const auto index = static_cast<size_t>(type.index);
    if (type.kind == POLYBUS_KIND_STRUCT && index < tables.structs.size()) text = tables.structs[index].info->name;
    if (type.kind == POLYBUS_KIND_ENUM && index < tables.enums.size()) text = tables.enums[index].info->name;
  }
  for (int32_t i = 0; i < type.list_depth; ++i) text.insert(0, "List(").append(")");
  return text;
}

PyObject* scalar_to_python(const SchemaTables& tables, const polybus_type& type, uint64_t raw) {
  switch (type.kind) {
    case POLYBUS_KIND_BOOL: return PyBool_FromLong(static_cast<long>(raw & 1));
    case POLYBUS_KIND_INT8: return PyLong_FromLong(static_cast<int8_t>(raw));
    case POLYBUS_KIND_INT16: return PyLong_FromLong(static_cast<int16_t>(raw));
    case POLYBUS_KIND_INT32: return PyLong_FromLong(static_cast<int32_t>(raw));
    case POLYBUS_KIND_INT64: return PyLong_FromLongLong(static_cast<int64_t>(raw));
    case POLYBUS_KIND_UINT8: return PyLong_FromLong(static_cast<uint8_t>(raw));
    case POLYBUS_KIND_UINT16: return PyLong_FromLong(static_cast<uint16_t>(raw));
    case POLYBUS_KIND_UINT32: return PyLong_FromUnsignedLong(static_cast<uint32_t>(raw));
    case POLYBUS_KIND_UINT64: return PyLong_FromUnsignedLongLong(raw);
    case POLYBUS_KIND_FLOAT32: {
      float value;
      memcpy(&value, &raw, sizeof value);
      return PyFloat_FromDouble(value);
    }
    case POLYBUS_KIND_FLOAT64: {
      double value;
      memcpy(&value, &raw, sizeof value);
      return PyFloat_FromDouble(value);
    }
    case POLYBUS_KIND_ENUM: {
      const auto& names = tables.enums[static_cast<size_t>(type.index)].names;
      const auto value = static_cast<uint16_t>(raw);
      return value < names.size() ? names[value].new_reference() : PyLong_FromLong(value);
    }
    default: return none();  // Void
  }
}

bool scalar_from_python(const SchemaTables& tables, const polybus_type& type, PyObject* value, const Path& path,
                        uint64_t* raw) {
  switch (type.kind) {
    case POLYBUS_KIND_VOID: *raw = 0; return value == Py_None || path.expected("Void", value);
    case POLYBUS_KIND_BOOL:
      if (!is_bool(value)) return path.expected("Bool", value);
      *raw = static_cast<uint64_t>(PyObject_IsTrue(value) > 0);
      return true;
    case POLYBUS_KIND_FLOAT32:
    case POLYBUS_KIND_FLOAT64: return float_from_python(tables, type, value, path, raw);
    case POLYBUS_KIND_ENUM: return enum_from_python(tables, type, value, path, raw);
    default: return integer_from_python(tables, type, value, path, raw);
  }
}

}  // namespace polybus_python

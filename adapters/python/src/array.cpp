// Numbers from somebody's buffer into a list: one memcpy where the types agree, converted with range checks where not.
#include <cmath>
#include <limits>

#include "errors.hpp"
#include "fill.hpp"
#include "scalar.hpp"

namespace polybus_python {
namespace {

enum class Source { kNone, kSigned, kUnsigned, kFloat, kBool };

// The kind of number in a buffer, by PEP 3118; kNone for big-endian numbers, records, text and what else there is.
Source source_of(const Py_buffer& buffer) {
  const char* format = buffer.format ? buffer.format : "B";
  if (*format == '@' || *format == '=' || *format == '<') ++format;
  if (*format == '\0' || format[1] != '\0') return Source::kNone;
  const Py_ssize_t size = buffer.itemsize;
  if (size != 1 && size != 2 && size != 4 && size != 8) return Source::kNone;
  switch (*format) {
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
    case 'n': return Source::kSigned;
    case 'B':
    case 'H':
    case 'I':
    case 'L':
    case 'Q':
    case 'N': return Source::kUnsigned;
    case 'f':
    case 'd': return Source::kFloat;
    case '?': return Source::kBool;
    default: return Source::kNone;
  }
}

bool same_layout(Source source, Py_ssize_t item_size, int32_t kind) {
  if (static_cast<uint32_t>(item_size) * 8 != scalar_bits(kind)) return false;
  switch (kind) {
    case POLYBUS_KIND_INT8:
    case POLYBUS_KIND_INT16:
    case POLYBUS_KIND_INT32:
    case POLYBUS_KIND_INT64: return source == Source::kSigned;
    case POLYBUS_KIND_FLOAT32:
    case POLYBUS_KIND_FLOAT64: return source == Source::kFloat;
    case POLYBUS_KIND_BOOL: return false;  // bits against bytes
    default: return source == Source::kUnsigned;
  }
}

int64_t load_signed(const char* at, Py_ssize_t size) {
  uint64_t raw = 0;
  memcpy(&raw, at, static_cast<size_t>(size));
  const int shift = static_cast<int>(64 - 8 * size);
  return static_cast<int64_t>(raw << shift) >> shift;
}

uint64_t load_unsigned(const char* at, Py_ssize_t size) {
  uint64_t raw = 0;
  memcpy(&raw, at, static_cast<size_t>(size));
  return raw;
}

double load_float(const char* at, Py_ssize_t size) {
  if (size == 8) {
    double value;
    memcpy(&value, at, 8);
    return value;
  }
  float value;
  memcpy(&value, at, 4);
  return value;
}

// Does the integer fit? On the way to the general conversion, which says what is wrong.
bool fits(bool is_negative, uint64_t magnitude_or_value, int64_t value, int32_t kind) {
  switch (kind) {
    case POLYBUS_KIND_INT8: return is_negative ? value >= INT8_MIN : magnitude_or_value <= INT8_MAX;
    case POLYBUS_KIND_INT16: return is_negative ? value >= INT16_MIN : magnitude_or_value <= INT16_MAX;
    case POLYBUS_KIND_INT32: return is_negative ? value >= INT32_MIN : magnitude_or_value <= INT32_MAX;
    case POLYBUS_KIND_INT64: return is_negative || magnitude_or_value <= INT64_MAX;
    case POLYBUS_KIND_UINT8: return !is_negative && magnitude_or_value <= UINT8_MAX;
    case POLYBUS_KIND_UINT32: return !is_negative && magnitude_or_value <= UINT32_MAX;
    case POLYBUS_KIND_UINT64: return !is_negative;
    default: return !is_negative && magnitude_or_value <= UINT16_MAX;
  }
}

uint64_t float_bits(double value, int32_t kind, bool* fitting) {
  uint64_t raw = 0;
  if (kind == POLYBUS_KIND_FLOAT64) {
    memcpy(&raw, &value, 8);
    return raw;
  }
  const float narrow = static_cast<float>(value);
  *fitting = !std::isinf(narrow) || std::isinf(value);
  memcpy(&raw, &narrow, 4);
  return raw;
}

PyObject* as_python(Source source, const char* at, Py_ssize_t size) {
  switch (source) {
    case Source::kSigned: return PyLong_FromLongLong(load_signed(at, size));
    case Source::kUnsigned: return PyLong_FromUnsignedLongLong(load_unsigned(at, size));
    case Source::kFloat: return PyFloat_FromDouble(load_float(at, size));
    default: return PyBool_FromLong(*at);
  }
}

// One element where the types differ. false: the general conversion has to decide.
bool convert(Source source, const char* at, Py_ssize_t size, int32_t kind, uint64_t* raw) {
  const bool to_float = kind == POLYBUS_KIND_FLOAT32 || kind == POLYBUS_KIND_FLOAT64;
  bool fitting = true;
  switch (source) {
    case Source::kSigned: {
      const int64_t value = load_signed(at, size);
      *raw = to_float ? float_bits(static_cast<double>(value), kind, &fitting) : static_cast<uint64_t>(value);
      return to_float ? fitting
                      : kind != POLYBUS_KIND_BOOL && fits(value < 0, static_cast<uint64_t>(value), value, kind);
    }
    case Source::kUnsigned: {
      const uint64_t value = load_unsigned(at, size);
      *raw = to_float ? float_bits(static_cast<double>(value), kind, &fitting) : value;
      return to_float ? fitting : kind != POLYBUS_KIND_BOOL && fits(false, value, 0, kind);
    }
    case Source::kFloat:
      if (!to_float) return false;
      *raw = float_bits(load_float(at, size), kind, &fitting);
      return fitting;
    default: *raw = *at != 0; return kind == POLYBUS_KIND_BOOL;
  }
}

}  // namespace

bool is_known_array(const Py_buffer& buffer) { return source_of(buffer) != Source::kNone; }

bool is_same_array(const polybus_type& element, const Py_buffer& buffer) {
  const Py_ssize_t stride = buffer.strides ? buffer.strides[0] : buffer.itemsize;
  return same_layout(source_of(buffer), buffer.itemsize, element.kind) && stride == buffer.itemsize;
}

bool write_array(const SchemaTables& tables, const polybus_type& element, polybus_list_builder* to,
                 const Py_buffer& buffer, const Path& path) {
  const Source source = source_of(buffer);
  const Py_ssize_t count = buffer.shape[0];
  const Py_ssize_t stride = buffer.strides ? buffer.strides[0] : buffer.itemsize;
  const char* from = static_cast<const char*>(buffer.buf);
  if (is_same_array(element, buffer)) {
    if (count) memcpy(to->data, from, static_cast<size_t>(count * buffer.itemsize));
    return true;
  }
  const uint32_t bits = scalar_bits(element.kind);
  for (Py_ssize_t i = 0; i < count; ++i) {
    const char* at = from + i * stride;
    uint64_t raw = 0;
    if (!convert(source, at, buffer.itemsize, element.kind, &raw)) {
      Ref value = Ref::steal(as_python(source, at, buffer.itemsize));
      if (!value || !scalar_from_python(tables, element, value.get(), Path(path, i), &raw)) return false;
    }
    const uint64_t bit = static_cast<uint64_t>(i) * to->stride_bits;
    store_bits(to->data + bit / 8, bit % 8, bits, raw);
  }
  return true;
}

}  // namespace polybus_python

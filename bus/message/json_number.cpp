#include "bus/message/json_number.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace polybus::bus {
namespace {

// All of `text`, or nothing.
template <typename T>
std::optional<T> parse(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too small for a double is zero; too large is nothing.
    if (std::is_floating_point_v<T> && text.find_first_of("eE") != text.npos && text.find('-', 1) != text.npos) {
      return text.starts_with('-') ? -T{} : T{};
    }
    return std::nullopt;
  }
  return value;
}

template <typename T>
std::optional<uint64_t> integer(std::string_view text) {
  auto value = parse<T>(text);
  if (!value && text.find_first_of(".eE") != text.npos) {
    auto real = parse<double>(text);
    // 2^digits is a double for every T, its largest value need not be.
    const double above = std::ldexp(1.0, std::numeric_limits<T>::digits);
    if (!real || *real != std::trunc(*real) || *real >= above) return std::nullopt;
    if (*real < (std::is_signed_v<T> ? -above : 0.0)) return std::nullopt;
    value = static_cast<T>(*real);
  }
  if (!value) return std::nullopt;
  return static_cast<std::make_unsigned_t<T>>(*value);
}

std::optional<double> real(const JsonNode& node) {
  if (node.type == JsonType::number) return parse<double>(node.text);
  if (node.type != JsonType::string) return std::nullopt;
  if (node.text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (node.text == "Infinity") return std::numeric_limits<double>::infinity();
  if (node.text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> integer_bits(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::int8: return integer<int8_t>(text);
    case Kind::int16: return integer<int16_t>(text);
    case Kind::int32: return integer<int32_t>(text);
    case Kind::int64: return integer<int64_t>(text);
    case Kind::uint8: return integer<uint8_t>(text);
    case Kind::uint16: return integer<uint16_t>(text);
    case Kind::uint32: return integer<uint32_t>(text);
    case Kind::uint64: return integer<uint64_t>(text);
    default: return std::nullopt;
  }
}

std::string_view integer_range_text(Kind kind) noexcept {
  switch (kind) {
    case Kind::int8: return "-128 to 127";
    case Kind::int16: return "-32768 to 32767";
    case Kind::int32: return "-2147483648 to 2147483647";
    case Kind::int64: return "-9223372036854775808 to 9223372036854775807";
    case Kind::uint8: return "0 to 255";
    case Kind::uint16: return "0 to 65535";
    case Kind::uint32: return "0 to 4294967295";
    case Kind::uint64: return "0 to 18446744073709551615";
    default: return {};
  }
}

std::optional<uint64_t> float32_bits(const JsonNode& node) {
  auto value = real(node);
  if (!value) return std::nullopt;
  auto narrow = static_cast<float>(*value);
  if (std::isinf(narrow) && !std::isinf(*value)) return std::nullopt;
  return std::bit_cast<uint32_t>(narrow);
}

std::optional<uint64_t> float64_bits(const JsonNode& node) {
  auto value = real(node);
  if (!value) return std::nullopt;
  return std::bit_cast<uint64_t>(*value);
}

}  // namespace polybus::bus

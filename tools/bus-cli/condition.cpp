#include "tools/bus-cli/condition.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "tools/bus-cli/exit_code.hpp"
#include "tools/bus-cli/field_path.hpp"

namespace polybus::cli {

using Json = nlohmann::ordered_json;

struct Condition::Term {
  enum class Kind { literal, field, not_, and_, or_, equal, unequal, less, at_most, greater, at_least, contains };
  Kind kind = Kind::literal;
  Json literal;
  std::optional<FieldPath> field;
  std::unique_ptr<const Term> left, right;
};

namespace {

using Term = Condition::Term;
using Kind = Term::Kind;
using TermPointer = std::unique_ptr<const Term>;

// ---- parsing: or > and > not > comparison > operand

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  TermPointer parse() {
    TermPointer term = parse_or();
    skip_spaces();
    if (at_ != text_.size()) fail("what follows is not understood");
    return term;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Stop(Exit::usage, "--where: " + why + " at \"" + text_.substr(at_) + "\"");
  }

  static TermPointer make(Kind kind, TermPointer left, TermPointer right = nullptr) {
    auto term = std::make_unique<Term>();
    term->kind = kind;
    term->left = std::move(left);
    term->right = std::move(right);
    return term;
  }

  TermPointer parse_or() {
    TermPointer left = parse_and();
    while (accept("||") || accept_word("or")) left = make(Kind::or_, std::move(left), parse_and());
    return left;
  }

  TermPointer parse_and() {
    TermPointer left = parse_not();
    while (accept("&&") || accept_word("and")) left = make(Kind::and_, std::move(left), parse_not());
    return left;
  }

  TermPointer parse_not() {
    if (accept_word("not") || (peek() == '!' && text_.substr(at_, 2) != "!=" && accept("!"))) {
      return make(Kind::not_, parse_not());
    }
    return parse_comparison();
  }

  TermPointer parse_comparison() {
    TermPointer left = parse_operand();
    static constexpr std::pair<std::string_view, Kind> kOperators[] = {
        {"==", Kind::equal}, {"!=", Kind::unequal}, {"<=", Kind::at_most}, {">=", Kind::at_least},
        {"<", Kind::less},   {">", Kind::greater},  {"~", Kind::contains}, {"=", Kind::equal}};
    for (const auto& [sign, kind] : kOperators) {
      if (accept(sign)) return make(kind, std::move(left), parse_operand());
    }
    return left;
  }

  TermPointer parse_operand() {
    if (accept("(")) {
      TermPointer inner = parse_or();
      if (!accept(")")) fail("a parenthesis is open");
      return inner;
    }
    const char first = peek();
    if (first == '"' || first == '\'') return literal(parse_text(first));
    if (std::isdigit(static_cast<unsigned char>(first)) != 0 || first == '-' || first == '.')
      return literal(parse_number());
    return parse_name();
  }

  static TermPointer literal(Json value) {
    auto term = std::make_unique<Term>();
    term->literal = std::move(value);
    return term;
  }

  Json parse_text(char quote) {
    std::string value;
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_];
    }
    if (at_ == text_.size()) fail("a text is not closed");
    ++at_;
    return value;
  }

  Json parse_number() {
    const char* begin = text_.data() + at_;
    const char* end = text_.data() + text_.size();
    int64_t whole = 0;
    const auto as_whole = std::from_chars(begin, end, whole);
    double real = 0;
    const auto as_real = std::from_chars(begin, end, real);
    if (as_real.ec != std::errc()) fail("no number");
    at_ += static_cast<size_t>(as_real.ptr - begin);
    if (as_whole.ec == std::errc() && as_whole.ptr == as_real.ptr) return whole;
    return real;
  }

  TermPointer parse_name() {
    const size_t begin = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_' || text_[at_] == '.' ||
            text_[at_] == '[' || text_[at_] == ']' || (text_[at_] == '-' && text_[at_ - 1] == '['))) {
      ++at_;
    }
    const std::string name = text_.substr(begin, at_ - begin);
    if (name.empty()) fail("a field, a number or a text is missing");
    if (name == "true" || name == "false") return literal(name == "true");
    if (name == "null") return literal(nullptr);
    if (name == "NaN" || name == "Infinity") return literal(name);
    auto term = std::make_unique<Term>();
    term->kind = Kind::field;
    term->field.emplace(name);
    return term;
  }

  void skip_spaces() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  char peek() {
    skip_spaces();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(std::string_view sign) {
    skip_spaces();
    if (!std::string_view(text_).substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }
  bool accept_word(std::string_view word) {
    skip_spaces();
    const std::string_view rest = std::string_view(text_).substr(at_);
    const bool ends = rest.size() == word.size() ||
                      (rest.size() > word.size() && (rest[word.size()] == ' ' || rest[word.size()] == '('));
    return rest.starts_with(word) && ends && accept(word);
  }

  const std::string& text_;
  size_t at_ = 0;
};

// ---- evaluating

// Numbers, and texts that are numbers: 64-bit fields and NaN, Infinity, -Infinity.
std::optional<long double> number_of(const Json& value) {
  if (value.is_number_unsigned()) return static_cast<long double>(value.get<uint64_t>());
  if (value.is_number_integer()) return static_cast<long double>(value.get<int64_t>());
  if (value.is_number()) return static_cast<long double>(value.get<double>());
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (text == "NaN") return std::nanl("");
  if (text == "Infinity" || text == "-Infinity") return text.front() == '-' ? -HUGE_VALL : HUGE_VALL;
  if (text.empty() || text.find_first_not_of("-0123456789") != std::string::npos) return std::nullopt;
  return std::stold(text);  // 64 bits of mantissa: exact for every 64-bit integer
}

bool is_true(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_null()) return false;
  if (value.is_number()) return *number_of(value) != 0;
  return value.is_string() ? !value.get_ref<const std::string&>().empty() : !value.empty();
}

bool contains(const Json& whole, const Json& part) {
  if (whole.is_string()) {
    const std::string wanted = part.is_string() ? part.get<std::string>() : part.dump();
    return whole.get_ref<const std::string&>().find(wanted) != std::string::npos;
  }
  return whole.is_array() && std::find(whole.begin(), whole.end(), part) != whole.end();
}

bool compare(Kind kind, const Json& left, const Json& right) {
  const bool one_is_number = left.is_number() || right.is_number();
  const auto a = number_of(left), b = number_of(right);
  if (a && b && (one_is_number || std::isnan(*a) || std::isinf(*a))) {
    switch (kind) {
      case Kind::equal: return *a == *b;
      case Kind::unequal: return *a != *b;
      case Kind::less: return *a < *b;
      case Kind::at_most: return *a <= *b;
      case Kind::greater: return *a > *b;
      default: return *a >= *b;
    }
  }
  if (kind == Kind::equal) return left == right;
  if (kind == Kind::unequal) return !(left == right) && !left.is_null();
  if (!left.is_string() || !right.is_string()) return false;
  const int order = left.get_ref<const std::string&>().compare(right.get_ref<const std::string&>());
  switch (kind) {
    case Kind::less: return order < 0;
    case Kind::at_most: return order <= 0;
    case Kind::greater: return order > 0;
    default: return order >= 0;
  }
}

const Json& value_of(const Term& term, const Json& message) {
  static const Json nothing;
  if (term.kind == Kind::literal) return term.literal;
  if (term.kind != Kind::field)
    throw Stop(Exit::usage, "--where: a comparison cannot be compared; use parentheses with and, or");
  const Json* found = term.field->find(message);
  return found != nullptr ? *found : nothing;
}

bool holds(const Term& term, const Json& message) {
  switch (term.kind) {
    case Kind::literal:
    case Kind::field: return is_true(value_of(term, message));
    case Kind::not_: return !holds(*term.left, message);
    case Kind::and_: return holds(*term.left, message) && holds(*term.right, message);
    case Kind::or_: return holds(*term.left, message) || holds(*term.right, message);
    case Kind::contains: return contains(value_of(*term.left, message), value_of(*term.right, message));
    default: return compare(term.kind, value_of(*term.left, message), value_of(*term.right, message));
  }
}

}  // namespace

Condition::Condition(const std::string& text) : root_(Parser(text).parse()) {}
Condition::Condition(Condition&&) noexcept = default;
Condition::~Condition() = default;
bool Condition::holds(const Json& message) const { return cli::holds(*root_, message); }

}  // namespace polybus::cli

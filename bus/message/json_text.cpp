#include "bus/message/json_text.hpp"

#include <algorithm>
#include <limits>
#include <polybus/error.hpp>
#include <unordered_set>

#include "bus/message/utf8.hpp"

namespace polybus::bus {

std::string_view json_type_text(JsonType type) noexcept {
  switch (type) {
    case JsonType::null: return "null";
    case JsonType::boolean: return "boolean";
    case JsonType::number: return "number";
    case JsonType::string: return "string";
    case JsonType::array: return "array";
    case JsonType::object: return "object";
  }
  return "unknown";
}

class JsonParser {
 public:
  JsonParser(std::string_view text, JsonDocument& out) : text_(text), out_(out) {}

  void run() {
    if (text_.size() >= std::numeric_limits<uint32_t>::max()) fail("larger than 4 GiB");
    value();
    space();
    if (at_ < text_.size()) fail("nothing may follow the value");
  }

 private:
  static constexpr int kDepthMax = 128;

  [[noreturn]] void fail(const std::string& what) const {
    auto before = text_.substr(0, std::min(at_, text_.size()));
    size_t line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
    size_t column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
    throw Error(Code::invalid_argument,
                "JSON, line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void space() {
    while (at_ < text_.size() && (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t')) ++at_;
  }
  bool skip(char expected) {
    space();
    if (peek() != expected) return false;
    ++at_;
    return true;
  }

  uint32_t add(JsonType type) {
    out_.nodes_.push_back({type, 0, 0, {}});
    return static_cast<uint32_t>(out_.nodes_.size() - 1);
  }
  JsonNode& close(uint32_t index) {
    out_.nodes_[index].next = static_cast<uint32_t>(out_.nodes_.size());
    return out_.nodes_[index];
  }

  void value() {
    space();
    char c = peek();
    if (c == '{') {
      object();
    } else if (c == '[') {
      array();
    } else if (c == '"') {
      string();
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      number();
    } else if (!word("null", JsonType::null) && !word("true", JsonType::boolean) && !word("false", JsonType::boolean)) {
      fail(at_ < text_.size() ? "a value is expected" : "the text ends too early");
    }
  }

  bool word(std::string_view word, JsonType type) {
    if (!text_.substr(at_).starts_with(word)) return false;
    uint32_t index = add(type);
    close(index).text = text_.substr(at_, word.size());
    at_ += word.size();
    return true;
  }

  void enter() {
    if (++depth_ > kDepthMax) fail("nested more than " + std::to_string(kDepthMax) + " deep");
    ++at_;
  }

  void array() {
    uint32_t index = add(JsonType::array), count = 0;
    enter();
    if (!skip(']')) {
      do {
        value();
        ++count;
      } while (skip(','));
      if (!skip(']')) fail("',' or ']' is expected");
    }
    --depth_;
    close(index).count = count;
  }

  void object() {
    uint32_t index = add(JsonType::object), count = 0;
    std::unordered_set<std::string_view> keys;
    enter();
    if (!skip('}')) {
      do {
        space();
        if (peek() != '"') fail("a key in quotes is expected");
        size_t begin = at_;
        uint32_t key = string();
        if (!keys.insert(out_.nodes_[key].text).second) {
          at_ = begin;
          fail("the key \"" + std::string(out_.nodes_[key].text) + "\" is there twice");
        }
        if (!skip(':')) fail("':' is expected");
        value();
        ++count;
      } while (skip(','));
      if (!skip('}')) fail("',' or '}' is expected");
    }
    --depth_;
    close(index).count = count;
  }

  void digits() {
    if (peek() < '0' || peek() > '9') fail("a digit is expected");
    while (peek() >= '0' && peek() <= '9') ++at_;
  }

  void number() {
    size_t begin = at_;
    if (peek() == '-') ++at_;
    if (peek() == '0') {
      ++at_;
    } else {
      digits();
    }
    if (peek() == '.') {
      ++at_;
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      digits();
    }
    close(add(JsonType::number)).text = text_.substr(begin, at_ - begin);
  }

  uint32_t string() {
    size_t begin = ++at_;
    std::string* copy = nullptr;  // only where something is escaped
    while (peek() != '"' || at_ >= text_.size()) {
      if (at_ >= text_.size()) fail("a string is not closed");
      if (peek() == '\\') {
        if (copy == nullptr) copy = &out_.unescaped_.emplace_back(text_.substr(begin, at_ - begin));
        escape(*copy);
        continue;
      }
      if (static_cast<uint8_t>(peek()) < 0x20) fail("control characters must be escaped");
      size_t size = utf8_character(text_.substr(at_));
      if (size == 0) fail("not UTF-8");
      if (copy != nullptr) copy->append(text_.substr(at_, size));
      at_ += size;
    }
    uint32_t index = add(JsonType::string);
    close(index).text = copy != nullptr ? std::string_view(*copy) : text_.substr(begin, at_ - begin);
    ++at_;
    return index;
  }

  void escape(std::string& out) {
    ++at_;
    constexpr std::string_view kShort = "\"\\/bfnrt", kMeaning = "\"\\/\b\f\n\r\t";
    if (size_t which = kShort.find(peek()); which != std::string_view::npos && at_ < text_.size()) {
      out += kMeaning[which];
      ++at_;
      return;
    }
    if (peek() != 'u') fail("unknown escape");
    uint32_t code = hex();
    if (code >= 0xdc00 && code < 0xe000) fail("half of a surrogate pair");
    if (code >= 0xd800 && code < 0xdc00) {
      if (!text_.substr(at_).starts_with("\\u")) fail("half of a surrogate pair");
      ++at_;
      uint32_t low = hex();
      if (low < 0xdc00 || low >= 0xe000) fail("half of a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
  }

  // The four digits behind the 'u' at which it stands.
  uint32_t hex() {
    ++at_;
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      char c = peek();
      uint32_t digit = c >= '0' && c <= '9'   ? c - '0'
                       : c >= 'a' && c <= 'f' ? c - 'a' + 10
                       : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                              : 16;
      if (digit == 16) fail("four hexadecimal digits are expected");
      code = code << 4 | digit;
    }
    return code;
  }

  std::string_view text_;
  JsonDocument& out_;
  size_t at_ = 0;
  int depth_ = 0;
};

JsonDocument::JsonDocument(std::string_view text) { JsonParser(text, *this).run(); }

namespace {

bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// What stands for the first character of `text`; returns how many bytes of it that is.
size_t append_special(std::string& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  auto c = static_cast<uint8_t>(text[0]);
  if (c == '"' || c == '\\') {
    out += '\\';
    out += text[0];
  } else if (c == '\n' || c == '\r' || c == '\t') {
    out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
  } else if (c < 0x20) {
    out += "\\u00";
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  } else if (size_t size = utf8_character(text); size > 0) {
    out.append(text.substr(0, size));
    return size;
  } else {
    out += "\xef\xbf\xbd";
  }
  return 1;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    auto plain = static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_plain) - text.begin());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (!text.empty()) text.remove_prefix(append_special(out, text));
  }
  out += '"';
}

}  // namespace polybus::bus

// Reads JSON: strict RFC 8259, no extensions, foreign bytes welcome.
//
// json config = read_json("model/config.json");
// json line = parse_json(text, "metrics.jsonl", 7);  the name and the first line are for errors
// parse_json(text, name, 1, 1000)                    no more than 1000 values, which bounds memory
//
// Refused: invalid UTF-8, a byte order mark, lone surrogates in \u escapes, control characters in
// strings, nesting deeper than 64, a key twice in one object, numbers outside the range of double,
// anything after the value. Integers are exact from -2^63 to 2^64 - 1 and double beyond.
// Cost: linear but for O(n log n) in the keys of an object; memory is that of the strings and up to
// 100 bytes a value, so up to 50 times the text.
// Errors: one sentence with line and column (in characters, from 1) and what was expected:
//   config.json: line 3, column 14: expected ',' or '}', found 'x'
// Reference: RFC 8259; RFC 3629 (UTF-8).
#pragma once

#include <charconv>

#include "ctgpt/base/error.hpp"
#include "ctgpt/base/file.hpp"
#include "ctgpt/base/utf8.hpp"
#include "ctgpt/io/json_value.hpp"

namespace ctgpt::inline CTGPT_ABI::io {

class json_reader {
 public:
  static constexpr std::uint64_t any_number = ~std::uint64_t{0};

  json_reader(std::string_view text, std::string_view name, std::int64_t first_line = 1,
              std::uint64_t most_values = any_number)
      : text_(text), name_(name), first_line_(first_line), most_values_(most_values) {}

  json read() {
    const std::size_t bad = utf8_error_offset(text_);
    if (bad != std::string_view::npos) {
      fail(place(bad), "the text is not UTF-8 (byte ", bad, " of it)");
    }
    json result = value(0);
    skip_blanks();
    if (at_ < text_.size()) expected("the end of the text");
    return result;
  }

 private:
  json value(int depth) {
    skip_blanks();
    if (++values_ > most_values_) {
      fail(place(at_), "the text holds more than ", most_values_, " values");
    }
    switch (peek()) {
      case '{':
        return object(depth + 1);
      case '[':
        return array(depth + 1);
      case '"':
        return json(string("a string"));
      case 't':
        return literal("true", json(true));
      case 'f':
        return literal("false", json(false));
      case 'n':
        return literal("null", json());
      default:
        return number();
    }
  }

  json object(int depth) {
    enter(depth);
    std::vector<json_member> members;
    std::vector<std::size_t> key_places;
    skip_blanks();
    if (!take('}')) {
      do {
        skip_blanks();
        key_places.push_back(at_);
        std::string key = string(members.empty() ? "a string or '}'" : "a string");
        skip_blanks();
        if (!take(':')) expected("':'");
        members.push_back({std::move(key), value(depth)});
        skip_blanks();
      } while (take(','));
      if (!take('}')) expected("',' or '}'");
    }
    std::size_t twice = 0;
    std::optional<json_object> result = json_object::from_members(std::move(members), &twice);
    if (!result) {
      const std::size_t begin = key_places[twice];
      at_ = begin;
      string("a string");  // again, to know where it ends
      const bool short_enough = at_ - begin <= 100;
      fail(place(begin), "the key ", short_enough ? text_.substr(begin, at_ - begin) : "here",
           " is there already; each key of an object must be unique");
    }
    return json(std::move(*result));
  }

  json array(int depth) {
    enter(depth);
    json_array elements;
    skip_blanks();
    if (!take(']')) {
      do {
        elements.push_back(value(depth));
        skip_blanks();
      } while (take(','));
      if (!take(']')) expected("',' or ']'");
    }
    return json(std::move(elements));
  }

  void enter(int depth) {
    if (depth > json_depth_limit) {
      fail(place(at_), "the text nests deeper than ", json_depth_limit, " levels");
    }
    ++at_;
  }

  json literal(std::string_view word, json meaning) {
    if (text_.substr(at_, word.size()) != word) expected("a value");
    at_ += word.size();
    return meaning;
  }

  json number() {
    const std::size_t begin = at_;
    const auto digits = [this] {
      if (!is_digit(peek())) expected("a digit");
      while (is_digit(peek())) ++at_;
    };
    if (peek() != '-' && !is_digit(peek())) expected("a value");
    take('-');
    if (!take('0')) digits();
    bool integer = true;
    if (take('.')) {
      integer = false;
      digits();
    }
    if (take('e') || take('E')) {
      integer = false;
      if (!take('+')) take('-');
      digits();
    }
    const char* first = text_.data() + begin;
    const char* last = text_.data() + at_;
    if (integer) {
      std::int64_t with_sign = 0;
      std::uint64_t without = 0;
      if (std::from_chars(first, last, with_sign).ec == std::errc()) return json(with_sign);
      if (std::from_chars(first, last, without).ec == std::errc()) return json(without);
    }
    double real = 0.0;
    if (std::from_chars(first, last, real).ec != std::errc()) {
      fail(place(begin), "the number is outside the range of a double");
    }
    return json(real);
  }

  std::string string(std::string_view wanted) {
    if (!take('"')) expected(wanted);
    std::string result;
    for (;;) {
      const std::size_t begin = at_;
      while (at_ < text_.size() && is_plain(text_[at_])) ++at_;
      result += text_.substr(begin, at_ - begin);
      if (take('"')) return result;
      if (!take('\\')) expected("'\"' at the end of the string");
      escape(result);
    }
  }

  void escape(std::string& result) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const std::size_t which = at_ < text_.size() ? letters.find(text_[at_]) : letters.npos;
    if (which != letters.npos) {
      result += meanings[which];
      ++at_;
      return;
    }
    const std::size_t begin = at_;
    if (!take('u')) expected("one of \"\\/bfnrtu after '\\'");
    char32_t code = hexadecimal();
    if (code >= 0xD800 && code <= 0xDBFF && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      const char32_t low = hexadecimal();
      if (low >= 0xDC00 && low <= 0xDFFF) code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (!is_unicode_scalar(code)) fail(place(begin - 1), "half a surrogate pair is no character");
    utf8_append(result, code);
  }

  char32_t hexadecimal() {
    constexpr std::string_view digits = "0123456789abcdefABCDEF";
    char32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const std::size_t digit = digits.find(peek());
      if (digit == digits.npos) expected("four hexadecimal digits");
      code = code * 16 + static_cast<char32_t>(digit < 16 ? digit : digit - 6);
    }
    return code;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != text_.npos) ++at_;
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_plain(char c) {
    return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20;
  }

  std::string place(std::size_t offset) const {
    const std::string_view before = text_.substr(0, offset);
    const auto line = std::count(before.begin(), before.end(), '\n');
    const std::string_view row = before.substr(before.rfind('\n') + 1);
    const auto column = std::count_if(row.begin(), row.end(), [](char byte) {
      return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;  // bytes that begin a character
    });
    return join(name_, ": line ", line + first_line_, ", column ", column + 1, ": ");
  }

  [[noreturn]] void expected(std::string_view what) const {
    const std::string_view rest = text_.substr(at_);
    const utf8_character next = utf8_decode(rest);
    std::string found = "the end of the text";
    if (!rest.empty() && (next.code < 0x20 || next.code == 0x7F)) {
      found = join("the control character ", static_cast<unsigned>(next.code));
    } else if (!rest.empty()) {
      found = join("'", rest.substr(0, next.length), "'");
    }
    fail(place(at_), "expected ", what, ", found ", found);
  }

  std::string_view text_, name_;
  std::int64_t first_line_;
  std::uint64_t most_values_, values_ = 0;
  std::size_t at_ = 0;
};

inline json parse_json(std::string_view text, std::string_view name, std::int64_t first_line = 1,
                       std::uint64_t most_values = json_reader::any_number) {
  return json_reader(text, name, first_line, most_values).read();
}

// Requires of the file: at most `limit` bytes.
inline json read_json(const std::string& path, std::uint64_t limit = std::uint64_t{1} << 28) {
  return parse_json(read_file(path, limit), path);
}

}  // namespace ctgpt::inline CTGPT_ABI::io

// json_records: the values that a file of JSON lines, or of one JSON array, holds.
//
// json_records(file.text()).each([&](std::string_view record, std::int64_t line) { ... });
//
// A text that begins with '[' is an array whose elements are the records, unless its first line is
// a whole array by itself: then each line is a record, as in any other text. Records are found by
// their brackets and quotation marks alone, so one that is no JSON costs itself and not the rest,
// and nesting of any depth takes no stack. Blank lines are passed over.
// Errors: none; what follows an array is one more record, which no reader takes.
// Reference: RFC 8259; jsonlines.org.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::align {

class json_records {
 public:
  explicit json_records(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  template <class Visit>
  void each(Visit visit) const {
    const std::size_t begin = after_blanks(0);
    if (begin < text_.size() && text_[begin] == '[' && !is_line_of_its_own(begin)) {
      each_element(begin, visit);
    } else {
      each_line(visit);
    }
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  std::size_t after_blanks(std::size_t at) const {
    while (at < text_.size() && is_blank(text_[at])) ++at;
    return at;
  }
  std::int64_t lines_in(std::size_t begin, std::size_t end) const {
    return std::count(text_.begin() + static_cast<std::ptrdiff_t>(begin),
                      text_.begin() + static_cast<std::ptrdiff_t>(end), '\n');
  }

  // Where the value that begins at `at` ends: behind its last bracket, or before the comma or
  // bracket that follows a plain one.
  std::size_t end_of_value(std::size_t at) const {
    std::size_t depth = 0;
    bool quoted = false;
    for (; at < text_.size(); ++at) {
      const char c = text_[at];
      if (quoted) {
        if (c == '\\') ++at;
        if (c == '"') quoted = false;
      } else if (c == '"') {
        quoted = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return at;
        if (--depth == 0) return at + 1;
      } else if (c == ',' && depth == 0) {
        return at;
      }
    }
    return text_.size();
  }

  // Whether the array that begins here ends on its line, and more than blanks follows it.
  bool is_line_of_its_own(std::size_t begin) const {
    const std::size_t end = end_of_value(begin);
    const std::size_t line_end = std::min(text_.find('\n', begin), text_.size());
    return end <= line_end && after_blanks(end) >= line_end && after_blanks(end) < text_.size();
  }

  template <class Visit>
  void each_element(std::size_t at, Visit& visit) const {
    std::int64_t line = 1 + lines_in(0, at);
    ++at;
    for (;;) {
      const std::size_t begin = after_blanks(at);
      line += lines_in(at, begin);
      if (begin >= text_.size()) return;
      if (text_[begin] == ',') {
        at = begin + 1;
        continue;
      }
      const bool ended = text_[begin] == ']';
      const std::size_t rest = ended ? after_blanks(begin + 1) : begin;
      if (rest >= text_.size()) return;
      line += lines_in(begin, rest);
      const std::size_t end = ended ? text_.size() : std::max(end_of_value(begin), begin + 1);
      visit(text_.substr(rest, end - rest), line);
      line += lines_in(rest, end);
      at = end;
    }
  }

  template <class Visit>
  void each_line(Visit& visit) const {
    std::int64_t line = 1;
    for (std::size_t at = 0; at < text_.size(); ++line) {
      const std::size_t end = std::min(text_.find('\n', at), text_.size());
      const std::size_t begin = std::min(after_blanks(at), end);
      if (begin < end) visit(text_.substr(begin, end - begin), line);
      at = end + 1;
    }
  }

  std::string_view text_;
};

}  // namespace ctgpt::inline CTGPT_ABI::align

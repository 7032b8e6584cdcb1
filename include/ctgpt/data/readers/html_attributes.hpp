// How many attributes the elements of a web page have: libxml2 compares each with all before it.
//
// if (has_more_attributes(page, 2000)) ...      it would take the square of their number
//
// Attributes are read as libxml2's parser of HTML reads them; what is inside of comments, scripts
// and styles is none.
// Cost: linear. Errors: none.
// Reference: libxml2 2.9, HTMLparser.c, htmlParseStartTag.
#pragma once

#include <algorithm>

#include "ctgpt/data/ascii.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class html_attribute_counter {
 public:
  explicit html_attribute_counter(std::string_view page) : page_(page) {}

  bool exceeds(std::size_t most) {
    while ((at_ = page_.find('<', at_)) < page_.size()) {
      const std::string_view rest = page_.substr(at_);
      if (rest.starts_with("<!--")) {
        at_ = page_.find("-->", at_ + 2);
      } else if (rest.size() > 1 && begins_name(rest[1])) {
        ++at_;
        const std::string_view name = page_.substr(at_, name_length());
        at_ += name.size();
        if (attributes(most) > most) return true;
        for (const std::string_view raw : {"script", "style"}) {
          if (name.size() == raw.size() && starts_with_word(name, raw)) leave(raw);
        }
      } else {
        ++at_;
      }
    }
    return false;
  }

 private:
  static bool is_letter(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  static bool begins_name(char c) { return is_letter(c) || c == '_' || c == ':' || c == '.'; }

  bool in_tag() const {
    return at_ < page_.size() && page_[at_] != '>' && page_.substr(at_, 2) != "/>";
  }
  void skip_blanks() {
    while (at_ < page_.size() && is_blank(page_[at_])) ++at_;
  }
  std::size_t name_length() const {
    std::size_t end = at_;
    const auto goes_on = [](char c) {
      return begins_name(c) || (c >= '0' && c <= '9') || c == '-';
    };
    while (end < page_.size() && end - at_ < 100 && goes_on(page_[end])) ++end;
    return end - at_;
  }

  // Counted up to one more than `most`.
  std::size_t attributes(std::size_t most) {
    std::size_t count = 0;
    for (skip_blanks(); in_tag() && count <= most; skip_blanks()) {
      if (begins_name(page_[at_])) {
        ++count;
        at_ += name_length();
        skip_blanks();
        if (at_ < page_.size() && page_[at_] == '=') skip_value();
      } else {
        while (in_tag() && !is_blank(page_[at_])) ++at_;
      }
    }
    return count;
  }
  void skip_value() {
    ++at_;
    skip_blanks();
    if (at_ == page_.size()) return;
    const char quote = page_[at_];
    const bool quoted = quote == '"' || quote == '\'';
    const std::size_t end =
        quoted ? page_.find(quote, at_ + 1) : page_.find_first_of(" \t\r\n>", at_);
    at_ = end == page_.npos ? page_.size() : end + (quoted ? 1 : 0);
  }

  // To the end of the raw text of an element.
  void leave(std::string_view name) {
    while ((at_ = page_.find("</", at_)) < page_.size()) {
      at_ += 2;
      if (starts_with_word(page_.substr(at_), name)) return;
    }
  }

  std::string_view page_;
  std::size_t at_ = 0;
};

inline bool has_more_attributes(std::string_view page, std::size_t most) {
  return html_attribute_counter(page).exceeds(most);
}

}  // namespace ctgpt::inline CTGPT_ABI::data

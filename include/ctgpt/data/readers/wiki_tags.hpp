// The first of three steps of wiki_text: comments and tags go.
//
// What <nowiki> or <pre> shields is kept as it is: its signs are replaced by control characters,
// which no wiki page holds, and come back in the last step. Tags whose contents are no prose go
// with them; others leave their contents.
// Errors: none.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <map>

#include "ctgpt/data/readers/charset.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Signs of the markup, and the control characters that stand for them while they are shielded.
inline constexpr std::string_view wiki_signs = "[]{}|'<=*#:;&_ !";
inline constexpr std::string_view wiki_shields =
    "\x01\x02\x03\x04\x05\x06\x07\x08\x0E\x0F\x10\x11\x12\x13\x14\x15";
static_assert(wiki_signs.size() == wiki_shields.size());
inline constexpr char wiki_hole = '\x1F';  // where a template was

class wiki_tag_remover {
 public:
  explicit wiki_tag_remover(std::string_view markup) {
    text_.reserve(markup.size());
    for (const char c : markup) {  // control characters are ours
      if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') text_ += c;
    }
    lower_ = lower_ascii(text_);
  }

  std::string run() {
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t open = std::min(text_.find('<', at), text_.size());
      out_.append(text_, at, open - at);
      at = open < text_.size() ? tag(open) : open;
    }
    return std::move(out_);
  }

 private:
  static bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
  static bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

  // Deals with what begins at '<'; where to go on.
  std::size_t tag(std::size_t open) {
    const std::string_view lower = lower_;
    if (lower.substr(open, 4) == "<!--") return comment(open);
    const bool closes = lower.substr(open, 2) == "</";
    const std::size_t first = open + (closes ? 2 : 1);
    std::size_t last = first;
    while (last < lower.size() &&
           (is_letter(lower[last]) || (last > first && lower[last] >= '0' && lower[last] <= '9'))) {
      ++last;
    }
    const std::string_view name = lower.substr(first, last - first);
    const std::size_t end = lower.find_first_of("<>", last);
    if (name.empty() || end == lower.npos || lower[end] == '<') {
      out_ += '<';
      return open + 1;
    }
    const bool alone = lower[end - 1] == '/';
    if (is_one_of(name, {"br", "p", "div", "blockquote", "center", "li", "hr", "poem"})) {
      out_ += '\n';
      return end + 1;
    }
    if (closes || alone) return end + 1;
    if (name == "nowiki" || name == "pre") return shielded(name, end + 1);
    if (is_one_of(name, {"ref",         "math",           "chem",
                         "ce",          "gallery",        "timeline",
                         "score",       "source",         "syntaxhighlight",
                         "imagemap",    "templatedata",   "graph",
                         "mapframe",    "maplink",        "hiero",
                         "includeonly", "indicator",      "table",
                         "inputbox",    "templatestyles", "categorytree",
                         "section"})) {
      const std::size_t close = find_close(name, end + 1);
      if (close == lower.npos) return end + 1;
      const std::size_t closed = lower.find('>', close);
      return closed == lower.npos ? lower.size() : closed + 1;
    }
    return end + 1;
  }

  // A comment that has a line for itself takes the line along.
  std::size_t comment(std::size_t open) {
    const std::size_t close = text_.find("-->", open + 4);
    if (close == text_.npos) return text_.size();
    std::size_t after = close + 3;
    if ((out_.empty() || out_.back() == '\n') && after < text_.size() && text_[after] == '\n') {
      ++after;
    }
    return after;
  }

  std::size_t shielded(std::string_view name, std::size_t begin) {
    std::size_t close = find_close(name, begin);
    if (close == text_.npos) close = text_.size();
    for (std::size_t i = begin; i < close; ++i) {
      const std::size_t sign = wiki_signs.find(text_[i]);
      const bool blank = text_[i] == ' ' && name == "nowiki";  // only <pre> keeps its blanks
      out_ += sign == wiki_signs.npos || blank ? text_[i] : wiki_shields[sign];
    }
    const std::size_t closed = text_.find('>', close);
    return closed == text_.npos ? text_.size() : closed + 1;
  }

  // The next "</name" from `from` on. Once there is none, there is none further on: it is not
  // sought again, or many tags without an end would cost the square of their number.
  std::size_t find_close(std::string_view name, std::size_t from) {
    bool& missing = missing_[std::string(name)];
    if (missing) return lower_.npos;
    const std::size_t found = lower_.find("</" + std::string(name), from);
    missing = found == lower_.npos;
    return found;
  }

  std::string text_, lower_, out_;
  std::map<std::string, bool> missing_;
};

inline std::string without_wiki_tags(std::string_view markup) {
  return wiki_tag_remover(markup).run();
}

}  // namespace ctgpt::inline CTGPT_ABI::data

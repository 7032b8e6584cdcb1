// The last of three steps of wiki_text: lines, what stands inside of them, and entities.
//
// Errors: none.
#pragma once

#include <algorithm>
#include <vector>

#include "ctgpt/data/entity.hpp"
#include "ctgpt/data/readers/wiki_tags.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class wiki_line_builder {
 public:
  std::string run(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    while (!out_.empty() && out_.back() == '\n') out_.pop_back();
    return std::move(out_);
  }

 private:
  struct heading {
    std::size_t level;
    std::string text;
  };

  void line(std::string_view raw) {
    const std::string_view text = trimmed(raw);
    if (text.empty()) {
      empty_ = true;
      return;
    }
    // Rows of a table that was never closed.
    if (text.starts_with('|') || text.starts_with("{|")) return;
    if (text.starts_with("----")) return;
    if (text.front() == '=' && take_heading(text)) return;
    const std::string shown = inside(without_list_signs(text));
    if (shown.empty()) return;
    flush_headings();
    begin_line();
    out_ += shown;
  }

  static std::string_view without_list_signs(std::string_view text) {
    return text.substr(std::min(text.find_first_not_of("*#:;"), text.size()));
  }

  bool take_heading(std::string_view text) {
    while (!text.empty() && (text.back() == wiki_hole || text.back() == ' ')) text.remove_suffix(1);
    const std::size_t front = std::min(text.find_first_not_of('='), text.size());
    const std::size_t back =
        text.size() - 1 - std::min(text.find_last_not_of('='), text.size() - 1);
    const std::size_t level = std::min({front, back, std::size_t{6}});
    if (level == 0 || front == text.size()) return false;
    const std::string shown = inside(trimmed(text.substr(level, text.size() - 2 * level)));
    while (!headings_.empty() && headings_.back().level >= level) headings_.pop_back();
    if (!shown.empty()) headings_.push_back({level, shown});
    empty_ = true;
    return true;
  }

  void flush_headings() {
    for (const heading& each : headings_) {
      empty_ = true;
      begin_line();
      out_ += each.text;
      empty_ = true;
    }
    headings_.clear();
  }

  void begin_line() {
    if (!out_.empty()) out_ += empty_ ? "\n\n" : "\n";
    empty_ = false;
  }

  // One line without what marks its parts.
  static std::string inside(std::string_view text) {
    return without_signs(without_external_links(text));
  }

  static bool begins_address(std::string_view text) {
    for (const std::string_view scheme : {"http://", "https://", "ftp://", "//", "mailto:"}) {
      if (starts_with_word(text, scheme)) return true;
    }
    return false;
  }

  // [http://a.b text] gives text; without one it shows only a number, and goes.
  static std::string without_external_links(std::string_view text) {
    std::string out;
    bool closes = true;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t open = std::min(text.find('[', at), text.size());
      out += text.substr(at, open - at);
      at = open;
      if (open == text.size()) break;
      if (text.substr(at, 2) == "[[") {  // a link that never closes
        at += 2;
        continue;
      }
      const std::string_view rest = text.substr(open + 1);
      const std::size_t close = closes && begins_address(rest) ? rest.find(']') : rest.npos;
      if (close == rest.npos) {
        closes = closes && !begins_address(rest);
        out += '[';
        ++at;
        continue;
      }
      const std::string_view link = rest.substr(0, close);
      const std::size_t blank = link.find(' ');
      if (blank != link.npos) out += trimmed(link.substr(blank));
      at += close + 2;
    }
    return out;
  }

  static std::string without_signs(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::string_view rest = text.substr(at);
      const char c = rest.front();
      std::size_t taken = 1;
      if (c == '\'' && rest.starts_with("''")) {
        taken = std::min(rest.find_first_not_of('\''), rest.size());
        out.append(taken == 4 ? 1 : taken > 5 ? taken - 5 : 0, '\'');
      } else if (c == '&') {
        const std::string decoded = decoded_entity(rest, taken);
        out += taken > 0 ? decoded : "&";
        taken = std::max<std::size_t>(taken, 1);
      } else if (c == '_' && rest.starts_with("__")) {
        const std::size_t end = rest.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 2);
        if (end != rest.npos && end > 4 && rest.substr(end, 2) == "__") {
          taken = end + 2;
        } else {
          out += '_';
        }
      } else if (c == '(' && empty_parentheses(rest, taken)) {
        if (out.ends_with(' ')) out.pop_back();
      } else if (c == wiki_hole) {
        // What follows closes up over the hole, or over several and the blanks between them.
        taken = std::min(rest.find_first_not_of(std::string_view("\x1F ")), rest.size());
        const bool blank = rest.substr(0, taken).find(' ') != rest.npos;
        const bool closes =
            taken < rest.size() && std::string_view(",.;:)").find(rest[taken]) != rest.npos;
        if (closes && out.ends_with(' ')) out.pop_back();
        if (!closes && blank && !out.empty() && !out.ends_with(' ')) out += ' ';
      } else if ((c == ' ' || c == '\t') && (out.empty() || out.ends_with(' '))) {
        // Blanks in a row are one.
      } else {
        const std::size_t shield = wiki_shields.find(c);
        out += shield == wiki_shields.npos ? c : wiki_signs[shield];
      }
      at += taken;
    }
    while (out.ends_with(' ')) out.pop_back();
    return out;
  }

  // Parentheses whose contents were templates, and the commas between these.
  static bool empty_parentheses(std::string_view text, std::size_t& taken) {
    bool hole = false;
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (text[i] == ')') {
        if (hole) taken = i + 1;
        return hole;
      }
      hole = hole || text[i] == wiki_hole;
      if (std::string_view(" ,;:/\x1F").find(text[i]) == std::string_view::npos) return false;
    }
    return false;
  }

  std::string out_;
  std::vector<heading> headings_;  // with no text below them yet
  bool empty_ = false;             // an empty line is due
};

inline std::string wiki_lines(std::string_view text) { return wiki_line_builder().run(text); }

}  // namespace ctgpt::inline CTGPT_ABI::data

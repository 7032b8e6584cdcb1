// The second of three steps of wiki_text: templates and tables go, links become their text.
//
// One pass with a stack of what is open. A template {{...}}, a parameter {{{...}}} or a table
// {|...|} is cut from the output when it closes; [[...]] is replaced by what it shows. What never
// closes loses its brackets only.
// Errors: none.
#pragma once

#include <algorithm>
#include <vector>

#include "ctgpt/data/readers/wiki_tags.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Names of namespaces whose links show no text, in lower case. A dump tells its own language's.
struct wiki_namespaces {
  std::vector<std::string> dropped = {"file", "image", "media", "category"};
};

class wiki_bracket_remover {
 public:
  wiki_bracket_remover(std::string_view text, const wiki_namespaces& names)
      : text_(text), names_(names) {}

  std::string run() {
    while (at_ < text_.size()) {
      const std::size_t next = std::min(text_.find_first_of("{}[]|\n", at_), text_.size());
      put(text_.substr(at_, next - at_));
      at_ = next;
      if (at_ < text_.size()) step(text_[at_]);
    }
    return std::move(out_);
  }

 private:
  enum class kind : unsigned char { braces, table, link };
  static constexpr std::size_t longest_link = 8192;  // bytes; of a longer one only the brackets go
  struct frame {
    kind is;
    std::size_t begin;  // in out_
    bool line_start;    // whether it begins a line
    std::size_t braces = 0;
  };

  void put(std::string_view text) {
    if (text.empty()) return;
    out_ += text;
    if (text.find_first_not_of(" \t:") != text.npos) line_start_ = false;
  }
  std::size_t run_of(char c) const {
    return std::min(text_.find_first_not_of(c, at_), text_.size()) - at_;
  }

  void step(char c) {
    switch (c) {
      case '\n':
        out_ += '\n';
        ++at_;
        line_start_ = true;
        return;
      case '{':
        return open_braces();
      case '}':
        return close_braces();
      case '|':
        if (line_start_ && text_.substr(at_, 2) == "|}" && is_top(kind::table)) {
          cut(stack_.back());
          stack_.pop_back();
          at_ += 2;
          return;
        }
        break;
      case '[':
        if (text_.substr(at_, 2) == "[[") {
          stack_.push_back({kind::link, out_.size(), line_start_});
          put("[[");
          at_ += 2;
          return;
        }
        break;
      case ']':
        if (text_.substr(at_, 2) == "]]") {
          at_ += 2;
          if (is_top(kind::link)) close_link();
          return;  // closes nothing: it goes
        }
        break;
      default:
        break;
    }
    put(text_.substr(at_, 1));
    ++at_;
  }

  bool is_top(kind is) const { return !stack_.empty() && stack_.back().is == is; }

  void open_braces() {
    const std::size_t run = run_of('{');
    if (run == 1) {
      if (line_start_ && text_.substr(at_, 2) == "{|") {
        stack_.push_back({kind::table, out_.size(), line_start_});
        put("{|");
        at_ += 2;
        return;
      }
      put("{");
      ++at_;
      return;
    }
    stack_.push_back({kind::braces, out_.size(), line_start_, run});
    ++open_braces_;
    line_start_ = false;
    at_ += run;
  }

  // Matches the closing braces with the innermost open ones, three or two at a time. One that is
  // left over goes.
  void close_braces() {
    std::size_t run = run_of('}');
    at_ += run;
    if (run == 1) return put("}");
    while (run >= 2 && open_braces_ > 0) {
      // Braces have precedence: a link or table that is open inside of them is not one.
      while (!is_top(kind::braces)) stack_.pop_back();
      frame& top = stack_.back();
      const std::size_t pair = std::min<std::size_t>({run, top.braces, 3});
      run -= pair;
      top.braces -= pair;
      cut(top);
      if (top.braces < 2) {
        stack_.pop_back();
        --open_braces_;
      }
    }
  }

  void cut(const frame& closed) {
    out_.resize(closed.begin);
    out_ += wiki_hole;
    line_start_ = closed.line_start;
  }

  void close_link() {
    const std::size_t begin = stack_.back().begin;
    stack_.pop_back();
    // Links in links in links would be copied as often as they nest.
    if (out_.size() - begin > longest_link) return;
    const std::string shown = shown_by_link(std::string_view(out_).substr(begin + 2));
    out_.resize(begin);
    put(shown);
  }

  // What [[content]] shows.
  std::string shown_by_link(std::string_view content) const {
    const std::size_t bar = content.find('|');
    std::string_view target = trimmed(content.substr(0, bar));
    const std::string_view label = bar == content.npos ? target : trimmed(content.substr(bar + 1));
    if (target.starts_with(':')) {  // a link to a page of a kind that would else be included
      target.remove_prefix(1);
      return std::string(bar == content.npos ? target : label);
    }
    const std::size_t colon = target.find(':');
    if (colon != target.npos) {
      const std::string_view prefix = trimmed(target.substr(0, colon));
      const std::string space = lower_ascii(prefix);
      const auto& dropped = names_.dropped;
      if (std::find(dropped.begin(), dropped.end(), space) != dropped.end()) return {};
      if (bar == content.npos && is_language(prefix)) return {};  // the page in another language
    }
    return std::string(label.empty() ? target : label);
  }

  // "fr", "zh-yue": two or three small letters, and perhaps more after a hyphen.
  static bool is_language(std::string_view prefix) {
    const std::size_t letters = std::min(prefix.find('-'), prefix.size());
    return letters >= 2 && letters <= 3 &&
           prefix.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == prefix.npos;
  }

  std::string_view text_;
  const wiki_namespaces& names_;
  std::size_t at_ = 0;
  std::string out_;
  std::vector<frame> stack_;
  std::size_t open_braces_ = 0;  // frames of braces in stack_
  bool line_start_ = true;
};

inline std::string without_wiki_brackets(std::string_view text, const wiki_namespaces& names) {
  return wiki_bracket_remover(text, names).run();
}

}  // namespace ctgpt::inline CTGPT_ABI::data

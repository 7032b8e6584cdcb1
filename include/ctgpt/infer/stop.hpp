// stop_filter: cuts a text that arrives in pieces at the first stop string, and never shows any
// part of one.
//
// stop_filter screen({"\nUser:", "###"});
// out << screen.push(piece);     what can no longer be part of a stop string
// if (screen.stopped()) ...      one is complete: everything from its first byte on is gone
// out << screen.flush();         at the end: what was held back for one that never came
//
// The stop string that is complete first wins; of several that end at the same byte the longest.
// Ensures: the pieces put together are the same for any cutting of the input; what is held back is
// shorter than the longest stop string; in UTF-8 a character that goes in whole comes out whole.
// Errors: an empty stop string, or one that is not UTF-8: usage_error.
// Reference: Knuth, Morris, Pratt, "Fast pattern matching in strings", 1977: constant work a byte
// and pattern; `matched` is the length of the longest beginning of the pattern that ends the text.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/base/utf8.hpp"

namespace ctgpt::inline CTGPT_ABI {

class stop_filter {
 public:
  [[gnu::cold]] explicit stop_filter(const std::vector<std::string>& stops)
      : patterns_(stops.begin(), stops.end()) {
    for (const std::string& stop : stops) {
      const std::string wrong = validate(stop);
      if (!wrong.empty()) throw usage_error(wrong);
    }
  }

  // What is wrong with a stop string, as one sentence; empty when nothing is.
  [[gnu::cold]] static std::string validate(std::string_view stop) {
    if (stop.empty()) return "a stop string must not be empty";
    if (utf8_error_offset(stop) != std::string_view::npos) return "a stop string must be UTF-8";
    return {};
  }

  bool stopped() const { return stopped_; }

  // The result is valid until the next call. After a stop string everything is swallowed.
  std::string_view push(std::string_view piece) {
    text_.erase(0, shown_);
    shown_ = 0;
    if (stopped_) return {};
    for (const char byte : piece) {
      text_ += byte;
      std::size_t longest = 0;  // of the stop strings that end here
      for (pattern& each : patterns_) {
        if (each.advance(byte)) longest = std::max(longest, each.text.size());
      }
      if (longest > 0) {
        stopped_ = true;
        text_.resize(text_.size() - longest);
        return show(text_.size());
      }
    }
    std::size_t held = 0;
    for (const pattern& each : patterns_) held = std::max(held, each.matched);
    return show(text_.size() - held);
  }

  std::string_view flush() {
    text_.erase(0, shown_);
    return show(text_.size());
  }

 private:
  struct pattern {
    [[gnu::cold]] explicit pattern(std::string stop)
        : text(std::move(stop)), fallback(text.size(), 0) {
      for (std::size_t i = 1; i < text.size(); ++i) {
        std::size_t length = fallback[i - 1];
        while (length > 0 && text[i] != text[length]) length = fallback[length - 1];
        fallback[i] = length + (text[i] == text[length] ? 1 : 0);
      }
    }
    // True when `byte` completes the stop string.
    bool advance(char byte) {
      while (matched > 0 && byte != text[matched]) matched = fallback[matched - 1];
      if (byte == text[matched]) ++matched;
      return matched == text.size();
    }
    std::string text;
    std::vector<std::size_t> fallback;  // longest proper beginning of text that ends text[0..i]
    std::size_t matched = 0;
  };

  std::string_view show(std::size_t length) {
    shown_ = length;
    return std::string_view(text_).substr(0, length);
  }

  std::vector<pattern> patterns_;
  std::string text_;  // what the last call showed, then what is held back
  std::size_t shown_ = 0;
  bool stopped_ = false;
};

}  // namespace ctgpt::inline CTGPT_ABI

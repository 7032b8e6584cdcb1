// From a pattern of RE2, the pattern of all beginnings of its matches.
//
// pattern_parts parts = take_apart("ab|c+");
// parts.whole      matches what the pattern does
// parts.beginning  matches "", "a", "ab", "c", "cc", ...: whatever could still become a match
// parts.empty      whether the pattern can match without taking a byte
//
// RE2 cannot say that a text ended in the middle of a match; a stream needs to know. So the pattern
// is read once and written anew, from the inside out:
//   beginning(x)      = x?            of a character, a class, a dot
//   beginning(\b)     =               nothing, of everything that takes no byte
//   beginning(AB)     = beginning(A) | A beginning(B)
//   beginning(A|B)    = beginning(A) | beginning(B)
//   beginning(A{n,m}) = A{0,m-1} beginning(A)
// Sequences are split in the middle, so that the result nests and grows little: n log n.
// Requires: a pattern that RE2 has compiled, in its own syntax (not POSIX), characters UTF-8.
// Errors: \C, a single byte of a character, has no place in UTF-8 text: ctgpt::error.
// Reference: https://github.com/google/re2/wiki/Syntax
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/base/utf8.hpp"

namespace ctgpt::inline CTGPT_ABI::safety {

struct pattern_parts {
  std::string whole, beginning;
  bool empty = true;
};

namespace detail {

class pattern_reader {
 public:
  explicit pattern_reader(std::string_view pattern) : rest_(pattern) {}

  pattern_parts read() { return alternatives(); }

 private:
  struct flags {
    bool fold = false, lines = false, dot_all = false;
  };

  bool at(std::string_view text) const { return rest_.substr(0, text.size()) == text; }
  bool take(std::string_view text) {
    if (!at(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view character() { return take(std::max<std::size_t>(1, utf8_decode(rest_).length)); }

  // What matches one character, under the flags of its place: they do not reach elsewhere.
  pattern_parts atom(std::string_view text) const {
    std::string name;
    if (flags_.fold) name += 'i';
    if (flags_.dot_all) name += 's';
    std::string whole = name.empty() ? std::string(text) : join("(?", name, ":", text, ")");
    return {whole, whole + "?", false};
  }
  pattern_parts assertion(std::string_view text) const {
    return {flags_.lines ? join("(?m:", text, ")") : std::string(text), "", true};
  }

  pattern_parts alternatives() {
    const flags outside = flags_;  // (?i) reaches to the end of its group, past |
    std::vector<pattern_parts> all;
    do {
      all.push_back(sequence());
    } while (take("|"));
    flags_ = outside;
    if (all.size() == 1) return all[0];
    pattern_parts joined{"(?:", "(?:", false};
    for (std::size_t i = 0; i < all.size(); ++i) {
      joined.whole += (i > 0 ? "|" : "") + all[i].whole;
      joined.beginning += (i > 0 ? "|" : "") + all[i].beginning;
      joined.empty = joined.empty || all[i].empty;
    }
    joined.whole += ')';
    joined.beginning += ')';
    return joined;
  }

  pattern_parts sequence() {
    std::vector<pattern_parts> all;
    while (!rest_.empty() && !at("|") && !at(")")) read_one(all);
    return joined(all, 0, all.size());
  }
  static pattern_parts joined(const std::vector<pattern_parts>& all, std::size_t begin,
                              std::size_t end) {
    if (begin == end) return {};
    if (end - begin == 1) return all[begin];
    const std::size_t middle = begin + (end - begin) / 2;
    const pattern_parts a = joined(all, begin, middle), b = joined(all, middle, end);
    return {a.whole + b.whole, "(?:" + a.beginning + "|" + a.whole + b.beginning + ")",
            a.empty && b.empty};
  }

  // One element with what repeats it; of \Q...\E several.
  void read_one(std::vector<pattern_parts>& all) {
    if (take("\\Q")) {
      while (!rest_.empty() && !take("\\E")) all.push_back(quoted(character()));
    } else {
      const std::optional<pattern_parts> one = element();
      if (!one) return;
      all.push_back(*one);
    }
    if (all.empty()) return;
    while (const std::optional<counts> times = repetition()) {
      all.back() = repeated(all.back(), *times);
    }
  }
  pattern_parts quoted(std::string_view letter) const {
    const bool sign = letter.size() == 1 &&
                      std::string_view("\\.+*?()|[]{}^$").find(letter[0]) != std::string_view::npos;
    return atom(sign ? join("\\", letter) : std::string(letter));
  }

  // Nothing for a change of flags.
  std::optional<pattern_parts> element() {
    if (take("(")) return group();
    if (at("[")) return atom(character_class());
    if (at("^") || at("$")) return assertion(take(1));
    if (!at("\\")) return atom(character());
    const char kind = rest_.size() > 1 ? rest_[1] : '\\';
    expects(kind != 'C', "\\C matches a part of a character; use . instead");
    if (kind == 'b' || kind == 'B' || kind == 'A' || kind == 'z') return assertion(take(2));
    return atom(take(escape_size()));
  }

  std::size_t escape_size() const {
    const char kind = rest_[1];
    if (kind == 'p' || kind == 'P' || kind == 'x') {
      if (rest_.size() > 2 && rest_[2] == '{') return rest_.find('}') + 1;
      return kind == 'x' ? 4 : 2 + utf8_decode(rest_.substr(2)).length;
    }
    if (kind >= '0' && kind <= '7') {
      std::size_t size = 2;
      while (size < 4 && size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '7') ++size;
      return size;
    }
    return 1 + std::max<std::size_t>(1, utf8_decode(rest_.substr(1)).length);
  }

  std::string_view character_class() {
    std::size_t end = 1;
    if (end < rest_.size() && rest_[end] == '^') ++end;
    if (end < rest_.size() && rest_[end] == ']') ++end;  // a first ] is a letter
    while (end < rest_.size() && rest_[end] != ']') {
      if (rest_.substr(end, 2) == "[:") {
        const std::size_t close = rest_.find(":]", end + 2);
        end = close == rest_.npos ? end + 1 : close + 2;
      } else {
        end += rest_[end] == '\\' ? 2 : 1;
      }
    }
    return take(end + 1);
  }

  std::optional<pattern_parts> group() {
    const flags outside = flags_;
    if (take("?P<") || take("?<")) {
      take(rest_.find('>') + 1);
    } else if (take("?")) {
      for (bool on = true; !rest_.empty() && !at(":") && !at(")");) {
        const char flag = take(1)[0];
        if (flag == '-') on = false;
        if (flag == 'i') flags_.fold = on;
        if (flag == 'm') flags_.lines = on;
        if (flag == 's') flags_.dot_all = on;  // U changes which match is preferred, not which are
      }
      if (take(")")) return std::nullopt;  // (?i): for the rest of the group around
      take(":");
    }
    pattern_parts inner = alternatives();
    take(")");
    flags_ = outside;
    return inner;
  }

  struct counts {
    int least = 0;
    std::optional<int> most;
  };
  std::optional<counts> repetition() {
    std::optional<counts> times;
    if (take("*")) {
      times = counts{};
    } else if (take("+")) {
      times = counts{1, {}};
    } else if (take("?")) {
      times = counts{0, 1};
    } else {
      times = braces();
    }
    if (times) take("?");
    return times;
  }
  // {2}, {2,} or {2,5}; anything else is text.
  std::optional<counts> braces() {
    const std::size_t end = rest_.find('}');
    if (!at("{") || end == rest_.npos) return std::nullopt;
    const std::string_view inside = rest_.substr(1, end - 1);
    const std::size_t comma = inside.find(',');
    const std::optional<int> least = number(inside.substr(0, comma));
    if (!least) return std::nullopt;
    counts times{*least, *least};
    if (comma != inside.npos) {
      times.most = number(inside.substr(comma + 1));
      if (!times.most && comma + 1 < inside.size()) return std::nullopt;
    }
    take(end + 1);
    return times;
  }
  static std::optional<int> number(std::string_view digits) {
    int value = 0;
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool good = problem == std::errc() && end == digits.data() + digits.size();
    return good && digits[0] != '-' ? std::optional(value) : std::nullopt;
  }

  static pattern_parts repeated(const pattern_parts& one, const counts& times) {
    const auto copies = [&one](int least, std::optional<int> most) {
      return join("(?:", one.whole, "){", least, ",") + (most ? join(*most, "}") : "}");
    };
    pattern_parts many{copies(times.least, times.most), one.beginning,
                       one.empty || times.least == 0};
    if (times.most && *times.most == 0) return {"(?:)", "", true};
    if (!times.most || *times.most > 1) {
      many.beginning = copies(0, times.most ? std::optional(*times.most - 1) : std::nullopt) +
                       "(?:" + one.beginning + ")";
    }
    return many;
  }

  std::string_view rest_;
  flags flags_;
};

}  // namespace detail

inline pattern_parts take_apart(std::string_view pattern) {
  return detail::pattern_reader(pattern).read();
}

}  // namespace ctgpt::inline CTGPT_ABI::safety

// C4's rules: lines that are no prose are taken out, and documents that are no text are dropped.
//
// c4 filter;                                 FineWeb runs it with {.terminal_mark = false}
// filter(page)                               page.text holds the lines that are left
//
// A line, without blanks at its ends and without citations ("[12]", "[edit]", "[citation needed]"),
// is taken out, and counted by tell(), when
//   c4_long_word    a word of it (between blanks, citations included) is above 1,000 characters
//   c4_no_mark      it does not end in one of . ? ! " ' or it ends in "..."
//   c4_few_words    it has fewer than 3 words
//   c4_javascript   it holds "javascript", in any case
//   c4_policy       it holds "terms of use", "privacy policy", "cookie policy", "uses cookies",
//                   "use of cookies" or "use cookies", in any case
// The document is dropped when a line that passes the first three holds "lorem ipsum" (c4_lorem_
// ipsum), or one that passes the first four '{' (c4_brace); or when fewer than 5 sentences are left
// (c4_few_sentences). A sentence ends at '.', '?' or '!', with quotes and brackets behind it,
// before a blank that no small ASCII letter follows, or with its line.
// Errors: none.
// Reference: Raffel et al., "Exploring the Limits of Transfer Learning" (C4), 2020, section 2.2;
// datatrove's C4QualityFilter has the same thresholds, and splits sentences by a tokenizer.
#pragma once

#include <cstring>

#include "ctgpt/data/filters/lines.hpp"
#include "ctgpt/data/filters/words.hpp"
#include "ctgpt/data/stage.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct c4_limits {
  bool terminal_mark = true;  // lines must end in one
  std::uint64_t longest_word = 1000, fewest_words = 3;
  std::uint64_t fewest_sentences = 5;
};

namespace detail {

inline constexpr std::string_view policy_phrases[] = {"terms of use",   "privacy policy",
                                                      "cookie policy",  "uses cookies",
                                                      "use of cookies", "use cookies"};

constexpr bool ascii_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Words between blanks, counted up to so many.
inline std::uint64_t words_between_blanks(std::string_view line, std::uint64_t most) {
  std::uint64_t count = 0;
  bool inside = false;
  for (std::size_t at = 0; at < line.size() && count < most;) {
    const word_piece piece = piece_at(line, at);
    count += piece.part != word_part::blank && !inside ? 1 : 0;
    inside = piece.part != word_part::blank;
    at += piece.length;
  }
  return count;
}

// Whether a word between blanks has more than so many characters.
inline bool holds_longer_word(std::string_view line, std::uint64_t most) {
  // No word is longer where every so many bytes hold a blank.
  std::size_t begin = 0;
  while (line.size() - begin > most) {
    std::size_t blank = begin + most;
    while (blank > begin && !ascii_blank(line[blank])) --blank;
    if (blank == begin) break;
    begin = blank + 1;
  }
  if (line.size() - begin <= most) return false;
  std::uint64_t length = 0;
  for (std::size_t at = 0; at < line.size();) {
    const word_piece piece = piece_at(line, at);
    at += piece.length;
    length = piece.part == word_part::blank ? 0 : length + 1;
    if (length > most) return true;
  }
  return false;
}

// Bytes of the citation at the start of `text`, or 0.
inline std::size_t citation_length(std::string_view text) {
  for (const std::string_view mark : {"[edit]", "[citation needed]"}) {
    if (text.starts_with(mark)) return mark.size();
  }
  std::size_t end = 1;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  return end < text.size() && text[end] == ']' ? end + 1 : 0;
}

// How many were taken out.
inline std::uint64_t remove_citations(std::string& line) {
  std::uint64_t count = 0;
  std::string left;
  std::string_view rest = line;
  while (!rest.empty()) {
    const std::size_t mark = std::min(rest.find('['), rest.size());
    left += rest.substr(0, mark);
    rest.remove_prefix(mark);
    if (rest.empty()) break;
    const std::size_t length = citation_length(rest);
    count += length > 0 ? 1 : 0;
    if (length == 0) left += '[';
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  line = std::move(left);
  return count;
}

// The mark at text[at] that may stand between the end of a sentence and a blank, or 0.
inline std::size_t closing_length(std::string_view text, std::size_t at) {
  if (std::string_view("\"')]}").find(text[at]) != std::string_view::npos) return 1;
  const std::string_view three = text.substr(at, 3);
  return three == "\xE2\x80\x9D" || three == "\xE2\x80\x99" ? 3 : 0;  // U+201D, U+2019
}

}  // namespace detail

// Sentences of a line. Requires: no blank at its ends.
inline std::uint64_t count_sentences(std::string_view line) {
  const auto ends = [](char c) { return c == '.' || c == '?' || c == '!'; };
  std::uint64_t count = line.empty() ? 0 : 1;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (!ends(line[at])) continue;
    while (at < line.size() && ends(line[at])) ++at;
    while (at < line.size()) {
      const std::size_t closing = detail::closing_length(line, at);
      if (closing == 0) break;
      at += closing;
    }
    const std::size_t blank = at;
    while (at < line.size() && detail::ascii_blank(line[at])) ++at;
    if (at == line.size()) break;
    if (at > blank && !(line[at] >= 'a' && line[at] <= 'z')) ++count;
    --at;
  }
  return count;
}

class c4 {
 public:
  c4() = default;
  explicit c4(c4_limits limits) : limits_(limits) {}

  verdict operator()(document& page) {
    const std::string& text = page.text;
    // The phrases are looked for line by line only where the text can hold one of them.
    lower_ = lower_ascii(text);
    const bool phrases = text.find('[') != text.npos || holds_phrase(lower_);
    kept_.clear();
    std::uint64_t sentences = 0;
    verdict said = keep;
    for_each_line(text, [&](std::string_view line) {
      if (!said.keeps()) return;
      const std::string_view reason = judge(trimmed(line), phrases, said);
      if (!said.keeps()) return;
      if (!reason.empty()) {
        lines_.add(reason);
        return;
      }
      if (sentences < limits_.fewest_sentences) sentences += count_sentences(trimmed(line_));
      kept_ += line_;
      kept_ += '\n';
    });
    if (!said.keeps()) return said;
    if (sentences < limits_.fewest_sentences) return drop("c4_few_sentences");
    page.text = std::string(trimmed(kept_));
    return keep;
  }

  // Lines taken out, by rule, and citations; of dropped documents too.
  void tell(tally& into) const { into.add(lines_); }

 private:
  static bool holds(std::string_view lower, std::string_view phrase) {
    return ::memmem(lower.data(), lower.size(), phrase.data(), phrase.size()) != nullptr;
  }
  static bool holds_policy(std::string_view lower) {
    return std::any_of(std::begin(detail::policy_phrases), std::end(detail::policy_phrases),
                       [&](std::string_view phrase) { return holds(lower, phrase); });
  }
  static bool holds_phrase(std::string_view lower) {
    return holds(lower, "lorem ipsum") || holds(lower, "javascript") || holds(lower, "cookie") ||
           holds(lower, detail::policy_phrases[0]) || holds(lower, detail::policy_phrases[1]);
  }

  // The rule that takes the line out, or "" and the line in line_; `said` when the document goes.
  std::string_view judge(std::string_view line, bool phrases, verdict& said) {
    if (detail::holds_longer_word(line, limits_.longest_word)) return "c4_long_word";
    line_.assign(line);
    const std::uint64_t citations =
        line.find('[') != line.npos ? detail::remove_citations(line_) : 0;
    if (citations > 0) lines_.add("c4_citations", citations);
    const bool mark =
        !line_.empty() && std::string_view(".?!\"'").find(line_.back()) != std::string_view::npos;
    if (limits_.terminal_mark && (!mark || line_.ends_with("..."))) return "c4_no_mark";
    if (detail::words_between_blanks(line_, limits_.fewest_words) < limits_.fewest_words)
      return "c4_few_words";
    if (phrases) lower_line_ = lower_ascii(line_);
    if (phrases && holds(lower_line_, "lorem ipsum")) said = drop("c4_lorem_ipsum");
    if (!said.keeps()) return {};
    if (phrases && holds(lower_line_, "javascript")) return "c4_javascript";
    if (line_.find('{') != line_.npos) said = drop("c4_brace");
    if (!said.keeps()) return {};
    return phrases && holds_policy(lower_line_) ? "c4_policy" : "";
  }

  c4_limits limits_;
  tally lines_;
  std::string lower_, line_, lower_line_, kept_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data

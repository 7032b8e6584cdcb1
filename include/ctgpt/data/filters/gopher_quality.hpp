// Gopher's quality rules: is this a text that somebody wrote to be read?
//
// gopher_quality filter;
// filter(page).reason          "" or the rule that drops it
//
// The rules, in this order, over the words of data/filters/words.hpp:
//   gopher_short           fewer than 50 words that are no symbols
//   gopher_long            more than 100,000 of them
//   gopher_short_words     their mean length is below 3 characters
//   gopher_long_words      it is above 10
//   gopher_hashes          '#' for each word, symbols included: more than 0.1
//   gopher_ellipses        "..." and U+2026 for each word: more than 0.1
//   gopher_bullets         lines that begin with U+2022 or '-': more than 0.9
//   gopher_ellipsis_lines  lines that end in an ellipsis: more than 0.3
//   gopher_few_letters     words with a letter: less than 0.8 of all
//   gopher_stop_words      fewer than 2 of {the, be, to, of, and, that, have, with}, as written
// The last rule is meant for English; other languages leave it out (stop_words = 0).
// Errors: none.
// Reference: Rae et al., "Scaling Language Models" (Gopher), 2021, A.1.1; datatrove's
// GopherQualityFilter has the same thresholds.
#pragma once

#include <array>

#include "ctgpt/data/filters/lines.hpp"
#include "ctgpt/data/filters/words.hpp"
#include "ctgpt/data/stage.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct gopher_quality_limits {
  std::uint64_t fewest_words = 50, most_words = 100'000;
  double shortest_mean = 3.0, longest_mean = 10.0;
  double hashes = 0.1, ellipses = 0.1;
  double bullets = 0.9, ellipsis_lines = 0.3;
  double letters = 0.8;
  int stop_words = 2;
};

namespace detail {

inline constexpr std::string_view ellipsis = "\xE2\x80\xA6", bullet = "\xE2\x80\xA2";

inline constexpr std::array<std::uint64_t, 8> stop_hashes = [] {
  constexpr std::string_view words[] = {"the", "be", "to", "of", "and", "that", "have", "with"};
  std::array<std::uint64_t, 8> hashes{};
  for (std::size_t i = 0; i < hashes.size(); ++i) hashes[i] = hash_bytes(words[i]);
  return hashes;
}();

inline std::uint64_t count_of(std::string_view text, std::string_view part) {
  std::uint64_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++count;
  return count;
}

constexpr double ratio(std::uint64_t part, std::uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace detail

// What the rules know of a text's words.
struct word_totals {
  std::uint64_t words = 0, plain = 0, plain_characters = 0, with_letter = 0;
  unsigned stop_words = 0;  // one bit each

  void add(const filter_word& word) {
    ++words;
    with_letter += word.letters ? 1 : 0;
    if (word.symbol) return;
    ++plain;
    plain_characters += word.characters;
    if (word.characters > 4) return;
    for (unsigned i = 0; i < detail::stop_hashes.size(); ++i) {
      stop_words |= (word.hash == detail::stop_hashes[i] ? 1u : 0u) << i;
    }
  }
};

inline verdict judge_quality(std::string_view text, const word_totals& of,
                             const gopher_quality_limits& limits) {
  using detail::ratio;
  if (of.plain == 0 || of.plain < limits.fewest_words) return drop("gopher_short");
  if (of.plain > limits.most_words) return drop("gopher_long");
  const double mean = ratio(of.plain_characters, of.plain);
  if (mean < limits.shortest_mean) return drop("gopher_short_words");
  if (mean > limits.longest_mean) return drop("gopher_long_words");
  const std::uint64_t hashes = count_rare(text, '#');
  if (ratio(hashes, of.words) > limits.hashes) return drop("gopher_hashes");
  const std::uint64_t ellipses =
      detail::count_of(text, "...") + detail::count_of(text, detail::ellipsis);
  if (ratio(ellipses, of.words) > limits.ellipses) return drop("gopher_ellipses");
  std::uint64_t lines = 0, bullets = 0, ending = 0;
  for_each_line(text, [&](std::string_view line) {
    ++lines;
    line = trimmed(line);
    bullets += line.starts_with('-') || line.starts_with(detail::bullet) ? 1 : 0;
    ending += line.ends_with("...") || line.ends_with(detail::ellipsis) ? 1 : 0;
  });
  if (ratio(bullets, lines) > limits.bullets) return drop("gopher_bullets");
  if (ratio(ending, lines) > limits.ellipsis_lines) return drop("gopher_ellipsis_lines");
  if (ratio(of.with_letter, of.words) < limits.letters) return drop("gopher_few_letters");
  if (std::popcount(of.stop_words) < limits.stop_words) return drop("gopher_stop_words");
  return keep;
}

class gopher_quality {
 public:
  gopher_quality() = default;
  explicit gopher_quality(gopher_quality_limits limits) : limits_(limits) {}

  verdict operator()(document& page) const {
    word_totals of;
    for_each_filter_word(page.text, [&](const filter_word& word) {
      of.add(word);
      return of.plain <= limits_.most_words;
    });
    return judge_quality(page.text, of, limits_);
  }

 private:
  gopher_quality_limits limits_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data

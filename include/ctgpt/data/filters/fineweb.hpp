// FineWeb's rules: lists, menus and repeated lines are no text to learn from.
//
// fineweb filter;
// filter(page).reason          "" or the rule that drops it
//
// The rules, in this order, over the lines that hold more than blanks:
//   fineweb_empty          there is no such line
//   fineweb_no_mark        lines that end in a terminal mark: less than 0.12
//   fineweb_short_lines    lines of at most 30 characters: more than 0.67
//   fineweb_dup_chars      characters in lines that came before, of all but line feeds: above 0.01
//   fineweb_line_feeds     line feeds for each word of data/filters/words.hpp: more than 0.3
// Terminal marks: . ? ! " ' as in the set that FineWeb was made with, and what stands for them in
// print and in other scripts: U+2026, U+201D, U+2019, U+3002, U+FF01, U+FF1F, U+061F, U+06D4,
// U+0964.
// Errors: none.
// Reference: Penedo et al., "The FineWeb Datasets", 2024, section 3.5; datatrove's
// FineWebQualityFilter has the same thresholds.
#pragma once

#include "ctgpt/data/filters/lines.hpp"
#include "ctgpt/data/filters/words.hpp"
#include "ctgpt/data/stage.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct fineweb_limits {
  double terminal_marks = 0.12;
  double short_lines = 0.67;
  std::uint64_t short_line = 30;  // characters
  double repeated_characters = 0.01;
  double line_feeds = 0.3;
};

namespace detail {

inline constexpr std::string_view terminal_marks[] = {".",
                                                      "?",
                                                      "!",
                                                      "\"",
                                                      "'",  // ASCII first: they are nearly all
                                                      "\xE2\x80\xA6",
                                                      "\xE2\x80\x9D",
                                                      "\xE2\x80\x99",
                                                      "\xE3\x80\x82",
                                                      "\xEF\xBC\x81",
                                                      "\xEF\xBC\x9F",
                                                      "\xD8\x9F",
                                                      "\xDB\x94",
                                                      "\xE0\xA5\xA4"};

inline bool ends_in_mark(std::string_view line) {
  return std::any_of(std::begin(terminal_marks), std::end(terminal_marks),
                     [&](std::string_view mark) { return line.ends_with(mark); });
}

}  // namespace detail

class fineweb {
 public:
  fineweb() = default;
  explicit fineweb(fineweb_limits limits) : limits_(limits) {}

  verdict operator()(document& page) {
    const std::string_view text = page.text;
    const std::uint64_t feeds = count_rare(text, '\n');
    std::uint64_t lines = 0, marked = 0, small = 0, repeated = 0;
    seen_.clear(feeds + 1);
    for_each_line(text, [&](std::string_view line) {
      if (trimmed(line).empty()) return;
      ++lines;
      marked += detail::ends_in_mark(line) ? 1 : 0;
      const std::uint64_t characters = count_characters(line);
      small += characters <= limits_.short_line ? 1 : 0;
      repeated += seen_.add(xxh64_of(line)) > 1 ? characters : 0;
    });
    const auto share = [](std::uint64_t part, std::uint64_t whole) {
      return static_cast<double>(part) / static_cast<double>(whole);
    };
    if (lines == 0) return drop("fineweb_empty");
    if (share(marked, lines) < limits_.terminal_marks) return drop("fineweb_no_mark");
    if (share(small, lines) > limits_.short_lines) return drop("fineweb_short_lines");
    if (share(repeated, count_characters(text) - feeds) > limits_.repeated_characters) {
      return drop("fineweb_dup_chars");
    }
    // Words are counted until there are enough of them.
    std::uint64_t words = 0;
    for_each_filter_word(
        text, [&](const filter_word&) { return share(feeds, ++words) > limits_.line_feeds; });
    if (share(feeds, words) > limits_.line_feeds) return drop("fineweb_line_feeds");
    return keep;
  }

 private:
  fineweb_limits limits_;
  hash_counter seen_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data

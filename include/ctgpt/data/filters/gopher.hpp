// Gopher's rules together: quality (data/filters/gopher_quality.hpp), then repetition.
//
// gopher filter;
// filter(page).reason          "" or the rule that drops it
//
// Repetition, in this order; characters are shares of the text's, blanks included:
//   gopher_dup_paragraphs       paragraphs (parted by empty lines) that came before: above 0.30
//   gopher_dup_paragraph_chars  characters in them: above 0.20
//   gopher_dup_lines, gopher_dup_line_chars   the same of lines: above 0.30, 0.20
//   gopher_top_2 ... _top_4     characters in the commonest n words in a row: above 0.20, 0.18,
//                               0.16
//   gopher_dup_5 ... _dup_10    characters in n words in a row that came before: above 0.15, 0.14,
//                               0.13, 0.12, 0.11, 0.10; after such n words the next n are looked at
// Cost: only places whose first n - 1 words occur twice can begin n words that do, so each n looks
// at what the one before has left; the result is the same. Words are told by 64-bit hashes.
// Errors: none.
// Reference: Rae et al., "Scaling Language Models" (Gopher), 2021, A.1.1; datatrove's
// GopherRepetitionFilter has the same thresholds.
#pragma once

#include <array>

#include "ctgpt/data/filters/gopher_quality.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct gopher_repetition_limits {
  double paragraphs = 0.30, paragraph_characters = 0.20;
  double lines = 0.30, line_characters = 0.20;
  std::array<double, 3> top = {0.20, 0.18, 0.16};                         // n = 2 to 4
  std::array<double, 6> repeated = {0.15, 0.14, 0.13, 0.12, 0.11, 0.10};  // n = 5 to 10
};

class gopher_repetition {
 public:
  gopher_repetition() = default;
  explicit gopher_repetition(gopher_repetition_limits limits) : limits_(limits) {}

  verdict operator()(document& page) {
    words_.read(page.text);
    return judge(page.text, words_.all());
  }

  // The same, of a text whose words are known.
  verdict judge(std::string_view text, const std::vector<filter_word>& words) {
    using detail::ratio;
    const std::uint64_t characters = count_characters(text);
    if (characters == 0) return keep;
    const repeats paragraphs = repeats_of(trimmed(text), 2);
    if (ratio(paragraphs.pieces, paragraphs.all) > limits_.paragraphs) {
      return drop("gopher_dup_paragraphs");
    }
    if (ratio(paragraphs.characters, characters) > limits_.paragraph_characters) {
      return drop("gopher_dup_paragraph_chars");
    }
    const repeats lines = repeats_of(text, 1);
    if (ratio(lines.pieces, lines.all) > limits_.lines) return drop("gopher_dup_lines");
    if (ratio(lines.characters, characters) > limits_.line_characters) {
      return drop("gopher_dup_line_chars");
    }
    return judge_words(words, characters);
  }

 private:
  struct repeats {
    std::uint64_t all = 0, pieces = 0, characters = 0;
  };

  // Pieces between runs of so many line feeds or more.
  repeats repeats_of(std::string_view text, std::size_t feeds) {
    repeats found;
    counter_.clear(static_cast<std::size_t>(count_rare(text, '\n')) / feeds + 1);
    const auto take = [&](std::string_view piece) {
      ++found.all;
      if (counter_.add(xxh64_of(piece)) == 1) return;
      ++found.pieces;
      found.characters += count_characters(piece);
    };
    for (std::size_t begin = 0, at = 0;;) {
      const std::size_t cut = text.find('\n', at);
      const std::size_t next = cut == text.npos ? cut : text.find_first_not_of('\n', cut);
      if (cut == text.npos) {
        take(text.substr(begin));
        return found;
      }
      at = next == text.npos ? text.size() : next;
      if (at - cut < feeds) continue;
      take(text.substr(begin, cut - begin));
      begin = at;
    }
  }

  verdict judge_words(const std::vector<filter_word>& words, std::uint64_t characters) {
    constexpr std::string_view names[] = {"gopher_top_2", "gopher_top_3", "gopher_top_4",
                                          "gopher_dup_5", "gopher_dup_6", "gopher_dup_7",
                                          "gopher_dup_8", "gopher_dup_9", "gopher_dup_10"};
    begin_words(words);
    for (std::size_t n = 2; n <= 10 && n <= words.size(); ++n) {
      count(words, n);
      const std::uint64_t found = n < 5 ? in_top(n) : in_repeated(n);
      const double limit = n < 5 ? limits_.top[n - 2] : limits_.repeated[n - 5];
      if (detail::ratio(found, characters) > limit) return drop(names[n - 2]);
      leave_repeated();
    }
    return keep;
  }

  // Places where n words in a row may be ones that occur twice: at first everywhere.
  void begin_words(const std::vector<filter_word>& words) {
    places_.resize(words.size());
    ends_.resize(words.size() + 1);
    ends_[0] = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
      places_[i] = {words[i].hash, static_cast<std::uint32_t>(i), 0};
      ends_[i + 1] = ends_[i] + words[i].characters;
    }
  }

  void count(const std::vector<filter_word>& words, std::size_t n) {
    while (!places_.empty() && places_.back().at + n > words.size()) places_.pop_back();
    counter_.clear(places_.size());
    for (place& each : places_) {
      each.hash = (std::rotl(each.hash, 23) ^ words[each.at + n - 1].hash) * 0x9e3779b97f4a7c15u;
      const std::size_t slot = counter_.place(each.hash);
      if (counter_[slot].count == 1) counter_[slot].first = each.at;
      each.slot = static_cast<std::uint32_t>(slot);
    }
  }

  std::uint64_t length(std::size_t at, std::size_t n) const { return ends_[at + n] - ends_[at]; }

  // Characters of the commonest n words, with a blank between each, as often as they occur; of
  // equally common ones the first counts.
  std::uint64_t in_top(std::size_t n) {
    hash_counter::slot best{0, 1, 0};
    for (const place& each : places_) {
      const hash_counter::slot& here = counter_[each.slot];
      if (here.count > best.count) best = here;
    }
    return (length(best.first, n) + n - 1) * best.count;
  }

  std::uint64_t in_repeated(std::size_t n) {
    constexpr std::uint32_t seen = ~std::uint32_t{0};
    std::uint64_t found = 0;
    std::size_t next = 0;
    for (const place& each : places_) {
      if (each.at < next) continue;
      hash_counter::slot& here = counter_[each.slot];
      if (here.first != seen) {
        here.first = seen;
        continue;
      }
      found += length(each.at, n);
      next = each.at + n;
    }
    return found;
  }

  void leave_repeated() {
    std::erase_if(places_, [&](const place& each) { return counter_[each.slot].count < 2; });
  }

  struct place {
    std::uint64_t hash;
    std::uint32_t at, slot;
  };

  gopher_repetition_limits limits_;
  filter_words words_;
  hash_counter counter_;
  std::vector<place> places_;
  std::vector<std::uint64_t> ends_;  // characters of the first i words
};

// Both, reading the words once.
class gopher {
 public:
  gopher() = default;
  explicit gopher(gopher_quality_limits quality, gopher_repetition_limits repetition = {})
      : limits_(quality), repetition_(repetition) {}

  verdict operator()(document& page) {
    word_totals of;
    words_.clear();
    for_each_filter_word(page.text, [&](const filter_word& word) {
      of.add(word);
      words_.push_back(word);
      return of.plain <= limits_.most_words;
    });
    const verdict quality = judge_quality(page.text, of, limits_);
    return quality.keeps() ? repetition_.judge(page.text, words_) : quality;
  }

 private:
  gopher_quality_limits limits_;
  gopher_repetition repetition_;
  std::vector<filter_word> words_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data

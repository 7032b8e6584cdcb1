// The language of a text, guessed by its script and, where several languages share one, by letters.
//
// const language_guess g = guess_language(text);   {"en", 0.998}; {"und", ...} if it is none known
// keep = g.code == "en" && g.score >= 0.65f;        FineWeb's threshold
//
// Latin script: en de fr es it pt nl pl cs sv da no fi hu ro tr vi id ca; Cyrillic: ru uk bg; both
// by a linear model over hashed 1- to 4-grams of letters and whole words (data/language_latin.hpp,
// data/language_cyrillic.hpp), which also knows 20 and 5 other languages together as "und". Each
// other script stands for one language, whoever else writes it: ar (fa and ur by letters of their
// own), hi, zh (hardly any kana) and ja, ko, el, he, th, bn, ta, te, kn, ml, gu, pa, ka, hy, am,
// my, km, lo, si.
// Forward:  z_c = b_c + s sum_i w[h_i][c] / sqrt(n) over the n features; softmax over c. The score
//   is the winner's probability times the share of its script among the letters, so a text half in
//   another script scores at most a half.
// Of a text longer than 4,096 bytes, eight pieces of 512 bytes spread evenly are read.
// Ensures: the same text gives the same guess; any bytes are accepted; no letters: {"und", 0}.
// Errors: none.
// Reference: Cavnar and Trenkle, "N-Gram-Based Text Categorization", 1994; Weinberger et al., 2009.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "ctgpt/base/utf8.hpp"
#include "ctgpt/data/language_cyrillic.hpp"
#include "ctgpt/data/language_latin.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct language_guess {
  std::string_view code = "und";  // ISO 639-1; "und" of ISO 639-2: undetermined
  float score = 0.0f;             // 0 to 1
};

namespace detail {

enum class script : std::uint8_t {
  none,
  latin,
  cyrillic,
  greek,
  armenian,
  hebrew,
  arabic,
  devanagari,
  bengali,
  gurmukhi,
  gujarati,
  tamil,
  telugu,
  kannada,
  malayalam,
  sinhala,
  thai,
  lao,
  burmese,
  georgian,
  hangul,
  ethiopic,
  khmer,
  kana,
  han,
  mark,
  count
};
inline constexpr std::string_view script_languages[] = {
    "und", "",   "",   "el", "hy", "he", "ar", "hi", "bn", "pa", "gu", "ta", "te",
    "kn",  "ml", "si", "th", "lo", "my", "ka", "ko", "am", "km", "ja", "zh", ""};
static_assert(std::size(script_languages) == static_cast<std::size_t>(script::count));

struct script_range {
  char16_t first, last;
  script of;
};
// Letters and vowel signs; sorted.
inline constexpr script_range script_ranges[] = {
    {0x0041, 0x005A, script::latin},      {0x0061, 0x007A, script::latin},
    {0x00C0, 0x00D6, script::latin},      {0x00D8, 0x00F6, script::latin},
    {0x00F8, 0x024F, script::latin},      {0x0300, 0x036F, script::mark},
    {0x0370, 0x03FF, script::greek},      {0x0400, 0x052F, script::cyrillic},
    {0x0531, 0x0587, script::armenian},   {0x05D0, 0x05EA, script::hebrew},
    {0x0620, 0x065F, script::arabic},     {0x066E, 0x06D3, script::arabic},
    {0x0900, 0x0963, script::devanagari}, {0x0980, 0x09E3, script::bengali},
    {0x0A00, 0x0A5E, script::gurmukhi},   {0x0A80, 0x0AE3, script::gujarati},
    {0x0B80, 0x0BD7, script::tamil},      {0x0C00, 0x0C63, script::telugu},
    {0x0C80, 0x0CE3, script::kannada},    {0x0D00, 0x0D63, script::malayalam},
    {0x0D80, 0x0DDF, script::sinhala},    {0x0E01, 0x0E4E, script::thai},
    {0x0E81, 0x0ECD, script::lao},        {0x1000, 0x103F, script::burmese},
    {0x10A0, 0x10FF, script::georgian},   {0x1100, 0x11FF, script::hangul},
    {0x1200, 0x135A, script::ethiopic},   {0x1780, 0x17D3, script::khmer},
    {0x1E00, 0x1EFF, script::latin},      {0x1F00, 0x1FFF, script::greek},
    {0x3041, 0x3096, script::kana},       {0x30A1, 0x30FA, script::kana},
    {0x3400, 0x4DBF, script::han},        {0x4E00, 0x9FFF, script::han},
    {0xAC00, 0xD7A3, script::hangul},     {0xFF66, 0xFF9D, script::kana}};

constexpr script script_of(char32_t code) {
  const auto* after =
      std::upper_bound(std::begin(script_ranges), std::end(script_ranges), code,
                       [](char32_t c, const script_range& range) { return c < range.first; });
  if (after == std::begin(script_ranges)) return script::none;
  return code <= (after - 1)->last ? (after - 1)->of : script::none;
}

// Of Latin and Cyrillic letters; make_language_tables.py has the same.
constexpr char32_t small_letter(char32_t c) {
  if (c < 0xC0) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c <= 0xDE) return c + 32;
  if (c == 0x130) return 'i';
  const bool even_capitals = (c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) ||
                             (c >= 0x218 && c <= 0x21B) || (c >= 0x1E00 && c <= 0x1EFF) ||
                             c == 0x1A0;
  if (even_capitals) return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E) || c == 0x1AF) return c + (c & 1);
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  return c;
}

// Small letters of one script; whatever else stood there is one blank. Begins and ends with one.
struct letter_stream {
  static constexpr std::size_t room = 4096 + 64;
  std::array<std::uint16_t, room> symbols;
  std::size_t size = 1, letters = 0;

  letter_stream() { symbols[0] = ' '; }
  void put(char32_t letter) {
    symbols[size++] = static_cast<std::uint16_t>(letter);
    ++letters;
  }
  void blank() {
    if (symbols[size - 1] != ' ') symbols[size++] = ' ';
  }
};

struct letters_read {
  letter_stream latin, cyrillic;
  std::array<std::uint32_t, static_cast<std::size_t>(script::count)> counts = {};
  std::uint32_t persian = 0, urdu = 0;  // letters of the Arabic script that Arabic does not use

  // Requires: at most 4,096 bytes in all calls together.
  void read(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (byte < 0x80) {
        ++at;
        const unsigned char small = byte | 0x20;
        if (small >= 'a' && small <= 'z') {
          latin.put(small);
          cyrillic.blank();
        } else {
          latin.blank();
          cyrillic.blank();
        }
        continue;
      }
      const utf8_character next = utf8_decode(text.substr(at));
      at += next.length;
      take(next.state == utf8_state::valid ? next.code : U' ');
    }
    latin.blank();
    cyrillic.blank();
  }

 private:
  void take(char32_t code) {
    const script of = script_of(code);
    if (of == script::mark) {  // belongs to the letter before it
      for (letter_stream* stream : {&latin, &cyrillic}) {
        if (stream->symbols[stream->size - 1] != ' ') stream->put(code);
      }
      return;
    }
    if (of == script::latin) {
      latin.put(small_letter(code));
    } else {
      latin.blank();
    }
    if (of == script::cyrillic) {
      cyrillic.put(small_letter(code));
    } else {
      cyrillic.blank();
    }
    ++counts[static_cast<std::size_t>(of)];
    if (of == script::arabic) {
      persian += code == 0x67E || code == 0x686 || code == 0x6A9 || code == 0x6AF || code == 0x6CC;
      urdu += code == 0x679 || code == 0x688 || code == 0x691 || code == 0x6BA || code == 0x6D2 ||
              code == 0x6C1;
    }
  }
};

// One table with its weights unpacked: four a word of 64 bits, each 0 to 14, so that one addition
// adds four of them.
class language_model {
 public:
  explicit language_model(const language_table& table) : table_(table) {
    rows_.resize(table.slots * words);
    const std::size_t classes = table.codes.size(), all = table.slots * classes;
    const std::string_view digits = table.weights;
    for (std::size_t i = 0; i < all; ++i) {  // two digits are 12 bits, three weights
      const unsigned bits = value_of(digits[i / 3 * 2]) << 6 | value_of(digits[i / 3 * 2 + 1]);
      const std::uint64_t weight = bits >> (8 - 4 * (i % 3)) & 15u;
      const std::size_t c = i % classes;
      rows_[i / classes * words + c / 4] |= weight << (16 * (c % 4));
    }
  }

  language_guess guess(std::span<const std::uint16_t> symbols) const {
    std::array<std::int32_t, 4 * words> sums{};
    std::array<std::uint64_t, words> part{};
    std::int32_t count = 0, pending = 0;
    const auto add = [&](std::uint64_t key) {
      const std::uint64_t hash = (key * 0x9E3779B97F4A7C15u) >> 32;
      const std::uint64_t* row = rows_.data() + (hash * table_.slots >> 32) * words;
      for (std::size_t i = 0; i < words; ++i) part[i] += row[i];
      ++pending;
    };
    const auto flush = [&] {
      for (std::size_t c = 0; c < sums.size(); ++c) {
        sums[c] += static_cast<std::int32_t>(part[c / 4] >> (16 * (c % 4)) & 0xFFFF) - 7 * pending;
      }
      part = {};
      count += pending;
      pending = 0;
    };
    std::uint64_t window = ' ', word = 0;
    std::size_t run = 0;  // letters right before
    for (const std::uint16_t symbol : symbols.subspan(1)) {
      window = window << 16 | symbol;
      if (symbol != ' ') add(symbol);
      add(window & 0xFFFFFFFFu);
      if (run >= 1) add(window & 0xFFFFFFFFFFFFu);
      if (run >= 2) add(window);
      if (symbol != ' ') {
        word = word * 0x5851F42D4C957F2Du + symbol + 1;
        ++run;
      } else {
        if (word != 0) add(word);
        word = 0;
        run = 0;
      }
      if (pending > 4000) flush();  // 14 * 4,005 fits 16 bits
    }
    flush();
    const float scale = table_.scale / std::sqrt(static_cast<float>(std::max(count, 1)));
    std::array<float, 4 * words> z{};
    std::size_t winner = 0;
    for (std::size_t c = 0; c < table_.codes.size(); ++c) {
      z[c] = table_.biases[c] + scale * static_cast<float>(sums[c]);
      if (z[c] > z[winner]) winner = c;
    }
    float total = 0.0f;
    for (std::size_t c = 0; c < table_.codes.size(); ++c) total += std::exp(z[c] - z[winner]);
    return {table_.codes[winner], 1.0f / total};
  }

 private:
  static constexpr std::size_t words = 5;  // for up to 20 classes

  static constexpr unsigned value_of(char digit) {
    const auto from = [digit](char first, int value) {
      return static_cast<unsigned>(digit - first + value);
    };
    if (digit >= 'a') return from('a', 26);
    if (digit >= 'A') return from('A', 0);
    return digit >= '0' ? from('0', 52) : digit == '+' ? 62u : 63u;
  }

  language_table table_;
  std::vector<std::uint64_t> rows_;
};

// The pieces that are read of a long text.
inline letters_read read_letters(std::string_view text) {
  constexpr std::size_t piece = 512, pieces = 8;
  letters_read read;
  if (text.size() <= piece * pieces) {
    read.read(text);
    return read;
  }
  for (std::size_t i = 0; i < pieces; ++i) {
    std::size_t begin = (text.size() - piece) / (pieces - 1) * i;
    std::size_t end = begin + piece;
    while (begin < end && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) ++begin;
    while (end > begin && end < text.size() &&
           (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
      --end;
    }
    read.read(text.substr(begin, end - begin));
  }
  return read;
}

}  // namespace detail

inline language_guess guess_language(std::string_view text) {
  using detail::script;
  static const detail::language_model latin(latin_languages), cyrillic(cyrillic_languages);
  detail::letters_read read = detail::read_letters(text);
  const auto count = [&](script of) -> std::uint32_t& {
    return read.counts[static_cast<std::size_t>(of)];
  };
  count(script::none) = 0;
  count(script::latin) = static_cast<std::uint32_t>(read.latin.letters);
  const std::uint32_t kana = count(script::kana);
  // Japanese writes both; a kana here and there stands in Chinese as well.
  if (8 * kana >= count(script::han)) {
    count(script::kana) += count(script::han);
    count(script::han) = 0;
  } else {
    count(script::han) += kana;
    count(script::kana) = 0;
  }
  std::uint64_t all = 0;
  for (const std::uint32_t letters : read.counts) all += letters;
  if (all == 0) return {};
  const auto most = static_cast<std::size_t>(
      std::max_element(read.counts.begin(), read.counts.end()) - read.counts.begin());
  language_guess guess{detail::script_languages[most], 1.0f};
  if (most == static_cast<std::size_t>(script::latin)) {
    guess = latin.guess({read.latin.symbols.data(), read.latin.size});
  } else if (most == static_cast<std::size_t>(script::cyrillic)) {
    guess = cyrillic.guess({read.cyrillic.symbols.data(), read.cyrillic.size});
  } else if (most == static_cast<std::size_t>(script::arabic)) {
    if (50 * read.urdu > read.counts[most])
      guess.code = "ur";
    else if (50 * read.persian > read.counts[most])
      guess.code = "fa";
  }
  guess.score *= static_cast<float>(read.counts[most]) / static_cast<float>(all);
  return guess;
}

}  // namespace ctgpt::inline CTGPT_ABI::data

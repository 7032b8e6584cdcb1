// The words of a text as hashes, in a form that small changes of writing leave alone: what
// near-duplicate search and decontamination compare.
//
// word_hashes words;
// words.read("The 3 Cafés, closed!");     words.size() == 4: the, 0, cafes, closed
// words.gram(0, 2)                        a hash of words 0 and 1
//
// A word is a run of letters, numbers and their marks. Letters are folded to lower case and lose
// their diacritics; a run of digits is one 0; everything else, punctuation and bytes that are not
// UTF-8 included, only separates. Scripts that are written without spaces (Han, kana, Thai, Lao,
// Khmer, Myanmar) give a word a character.
// With w_i the hash of word i, P_0 = 0 and P_(i+1) = P_i B + w_i mod 2^64; the hash of the n words
// from i is mix(P_(i+n) - P_i B^n), so that n-grams of any length cost the same.
// Memory: 8 bytes a word, and a table of 256 KB made at the first character beyond ASCII.
// Errors: none.
// Reference: Karp and Rabin, "Efficient randomized pattern-matching algorithms", 1987; the
// normalisation is that of datatrove's MinHash.
#pragma once

#include <utf8proc.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "ctgpt/base/utf8.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Every bit of the result depends on every bit of x. (The finaliser of MurmurHash3.)
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
  return x ^ (x >> 33);
}

// What a character is within a word: its folded form, or one of these.
inline constexpr std::uint32_t letter_separates = 0, letter_ignored = 1;
inline constexpr std::uint32_t letter_alone = 0x80000000u;  // a flag: the character is a word

class folded_letters {
 public:
  static const folded_letters& get() {
    static const folded_letters made;
    return made;
  }
  std::uint32_t of(char32_t code) const { return code < 0x10000 ? table_[code] : fold(code); }

 private:
  folded_letters() : table_(0x10000) {
    for (std::uint32_t code = 0; code < 0x10000; ++code) table_[code] = fold(code);
  }

  static constexpr bool is_alone(char32_t code) {
    constexpr char32_t scripts[][2] = {{0x0E00, 0x0EFF},  {0x1000, 0x109F}, {0x1780, 0x17FF},
                                       {0x3040, 0x30FF},  {0x3400, 0x9FFF}, {0xF900, 0xFAFF},
                                       {0x20000, 0x3FFFF}};
    for (const auto& [first, last] : scripts) {
      if (code >= first && code <= last) return true;
    }
    return false;
  }

  static std::uint32_t fold(char32_t code) {
    const auto wide = static_cast<utf8proc_int32_t>(code);
    switch (::utf8proc_category(wide)) {
      case UTF8PROC_CATEGORY_MN:
        return letter_ignored;
      case UTF8PROC_CATEGORY_ND:
      case UTF8PROC_CATEGORY_NL:
      case UTF8PROC_CATEGORY_NO:
        return '0';
      case UTF8PROC_CATEGORY_LU:
      case UTF8PROC_CATEGORY_LL:
      case UTF8PROC_CATEGORY_LT:
      case UTF8PROC_CATEGORY_LM:
      case UTF8PROC_CATEGORY_LO:
      case UTF8PROC_CATEGORY_MC:
        break;
      default:
        return letter_separates;
    }
    if (is_alone(code)) return static_cast<std::uint32_t>(code) | letter_alone;
    if (code >= 0xAC00 && code <= 0xD7A3) return static_cast<std::uint32_t>(code);  // Hangul
    constexpr auto how = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT |
                                                        UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK);
    std::array<utf8proc_int32_t, 32> parts{};
    int boundary = 0;
    const auto count = ::utf8proc_decompose_char(
        wide, parts.data(), static_cast<utf8proc_ssize_t>(parts.size()), how, &boundary);
    if (count < 1 || count > static_cast<utf8proc_ssize_t>(parts.size())) {
      return static_cast<std::uint32_t>(code);
    }
    // A ligature or the German sharp s: any number past all characters that is always the same.
    auto all = static_cast<std::uint32_t>(parts[0]);
    for (utf8proc_ssize_t i = 1; i < count; ++i) {
      const auto part = static_cast<std::uint32_t>(parts[static_cast<std::size_t>(i)]);
      all = ((all * 0x01000193u ^ part) & 0x3FFFFFFFu) | 0x40000000u;
    }
    return all;
  }

  std::vector<std::uint32_t> table_;
};

class word_hashes {
 public:
  void read(std::string_view text) {
    sums_.assign(1, 0);
    std::uint64_t word = empty_word;
    bool number = false;  // the character before was a digit
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
      const auto byte = static_cast<unsigned char>(*at);
      if (byte < 0x80) {
        ++at;
        const std::uint32_t letter = ascii_letters[byte];
        if (letter == letter_separates) {
          close(word);
        } else if (letter != '0') {
          word = (word ^ letter) * word_factor;
        } else {
          if (!number) word = (word ^ '0') * word_factor;
        }
        number = letter == '0';
        continue;
      }
      const utf8_character next = utf8_decode({at, static_cast<std::size_t>(end - at)});
      at += next.length;
      const std::uint32_t letter =
          next.state == utf8_state::valid ? folded_letters::get().of(next.code) : letter_separates;
      if (letter == letter_ignored) continue;
      if (letter == letter_separates || (letter & letter_alone) != 0) close(word);
      if (letter != letter_separates && !(number && letter == '0')) {
        word = (word ^ letter) * word_factor;
      }
      number = letter == '0';
      if ((letter & letter_alone) != 0) close(word);
    }
    close(word);
  }

  std::size_t size() const { return sums_.size() - 1; }

  // B^n, for gram().
  static constexpr std::uint64_t power(std::size_t words) {
    std::uint64_t result = 1;
    for (std::size_t i = 0; i < words; ++i) result *= base;
    return result;
  }
  // Requires: first + words <= size(); factor == power(words).
  std::uint64_t gram(std::size_t first, std::size_t words, std::uint64_t factor) const {
    return mix_bits(sums_[first + words] - sums_[first] * factor);
  }
  std::uint64_t gram(std::size_t first, std::size_t words) const {
    return gram(first, words, power(words));
  }

 private:
  static constexpr std::uint64_t empty_word = 0xcbf29ce484222325u;
  static constexpr std::uint64_t word_factor = 0x9e3779b97f4a7c15u;
  static constexpr std::uint64_t base = 0xd6e8feb86659fd93u;
  static constexpr std::array<std::uint8_t, 128> ascii_letters = [] {
    std::array<std::uint8_t, 128> letters{};
    for (std::uint8_t c = 'a'; c <= 'z'; ++c) letters[c] = letters[c - 32] = c;
    for (std::uint8_t c = '0'; c <= '9'; ++c) letters[c] = '0';
    return letters;
  }();

  void close(std::uint64_t& word) {
    if (word == empty_word) return;
    sums_.push_back(sums_.back() * base + mix_bits(word));
    word = empty_word;
  }

  std::vector<std::uint64_t> sums_{0};  // P_0 ... P_n
};

}  // namespace ctgpt::inline CTGPT_ABI::data

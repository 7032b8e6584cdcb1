// The words of a text as the quality filters count them, with their lengths and hashes.
//
// filter_words words;
// words.read("Don't pay $3.50 ...");           Don't | pay | $ | 3.50 | ...
//
// The rule: blanks (White_Space) part words. A run of letters, digits, marks and '_' is a word; an
// apostrophe (' or U+2019) between two of its characters, and '.' or ',' between two digits, belong
// to it. Everything else is a symbol, and a run of one and the same symbol is one word. So marks
// count as words, as in datatrove, whose tokenizers differ in details (they part "do" and "n't").
// What is written without blanks (Chinese, Japanese, Thai) gives long words: the filters' limits
// are not meant for it.
// Ensures: any bytes are accepted; a byte that is no UTF-8 is a symbol. Lengths are in characters.
// Errors: none.
// Reference: huggingface/datatrove, utils/text.py and utils/word_tokenizers.py, for the unit.
#pragma once

#include <algorithm>
#include <vector>

#include "ctgpt/data/word_reader.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Characters of a text: bytes that do not continue one.
inline std::uint64_t count_characters(std::string_view text) {
  std::uint64_t count = 0;
  for (const char c : text) count += static_cast<signed char>(c) >= -64 ? 1u : 0u;
  return count;
}

struct filter_word {
  std::uint64_t hash = 0;        // of the bytes; equal words, equal hashes
  std::uint32_t characters = 0;  // at most 2^32 - 1
  bool letters = false;          // it holds a letter
  bool symbol = false;           // it holds no letter, digit or mark
};

namespace detail {

enum class word_part : std::uint8_t { symbol, blank, letter, other };

struct word_piece {
  word_part part;
  std::uint8_t length;
};

inline constexpr std::array<word_part, 128> ascii_parts = [] {
  std::array<word_part, 128> parts{};
  for (std::size_t c = 0; c < 128; ++c) {
    const std::uint8_t kind = text::detail::ascii_kinds[c];
    if ((kind & text::kind_any_letter) != 0) parts[c] = word_part::letter;
    if ((kind & text::kind_number) != 0 || c == '_') parts[c] = word_part::other;
    if ((kind & text::kind_space) != 0) parts[c] = word_part::blank;
  }
  return parts;
}();

// Requires: at < text.size().
inline word_piece piece_at(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x80) return {ascii_parts[byte], 1};
  const text::classified c =
      text::unicode_classes::get().beyond_ascii(text.data() + at, text.data() + text.size());
  if ((c.kind & text::kind_any_letter) != 0) return {word_part::letter, c.length};
  if ((c.kind & (text::kind_mark | text::kind_number)) != 0) return {word_part::other, c.length};
  return {(c.kind & text::kind_space) != 0 ? word_part::blank : word_part::symbol, c.length};
}

// Bytes of what stands at text[at] and joins two parts of a word, or 0.
inline std::size_t joint_at(std::string_view text, std::size_t at) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const char c = text[at];
  std::size_t length = 0;
  if (c == '.' || c == ',') {
    return digit(text[at - 1]) && at + 1 < text.size() && digit(text[at + 1]) ? 1 : 0;
  }
  if (c == '\'') length = 1;
  if (c == '\xE2' && text.substr(at, 3) == "\xE2\x80\x99") length = 3;
  if (length == 0 || at + length >= text.size()) return 0;
  const word_part next = piece_at(text, at + length).part;
  return next == word_part::letter || next == word_part::other ? length : 0;
}

constexpr std::uint64_t hash_byte(std::uint64_t hash, char c) {
  return (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;  // FNV-1a
}
inline constexpr std::uint64_t hash_start = 0xcbf29ce484222325u;
constexpr std::uint64_t hash_bytes(std::string_view word) {
  std::uint64_t hash = hash_start;
  for (const char c : word) hash = hash_byte(hash, c);
  return hash;
}

}  // namespace detail

// Calls visit(filter_word) for each word in order, until it returns false.
template <class Visit>
void for_each_filter_word(std::string_view text, Visit&& visit) {
  using detail::word_part;
  for (std::size_t at = 0; at < text.size();) {
    detail::word_piece piece = detail::piece_at(text, at);
    if (piece.part == word_part::blank) {
      at += piece.length;
      continue;
    }
    filter_word word{detail::hash_start, 0, false, piece.part == word_part::symbol};
    const auto take = [&](std::size_t length) {
      for (const std::size_t end = at + length; at < end; ++at) {
        word.hash = detail::hash_byte(word.hash, text[at]);
      }
      ++word.characters;
    };
    if (word.symbol) {
      const std::string_view symbol = text.substr(at, piece.length);
      do take(symbol.size());
      while (text.substr(at, symbol.size()) == symbol);
    } else {
      bool only_lines = true;  // '_' alone is a mark
      for (;;) {
        word.letters = word.letters || piece.part == word_part::letter;
        only_lines = only_lines && text[at] == '_';
        take(piece.length);
        if (at == text.size()) break;
        piece = detail::piece_at(text, at);
        if (piece.part == word_part::letter || piece.part == word_part::other) continue;
        const std::size_t joint = detail::joint_at(text, at);
        if (joint == 0) break;
        take(joint);
        piece = detail::piece_at(text, at);
      }
      word.symbol = only_lines;
    }
    if (!visit(word)) return;
  }
}

inline std::uint64_t count_filter_words(std::string_view text) {
  std::uint64_t count = 0;
  for_each_filter_word(text, [&](const filter_word&) {
    ++count;
    return true;
  });
  return count;
}

// The words of one text after another, in memory that is used again.
class filter_words {
 public:
  void read(std::string_view text) {
    words_.clear();
    for_each_filter_word(text, [&](const filter_word& word) {
      words_.push_back(word);
      return true;
    });
  }
  const std::vector<filter_word>& all() const { return words_; }

 private:
  std::vector<filter_word> words_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data

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

#include <bit>
#include <cstring>
#include <type_traits>
#include <vector>

#include "ctgpt/data/word_reader.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Characters of a text: bytes that do not continue one. Eight at a time.
inline std::uint64_t count_characters(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101u;
  std::uint64_t more = 0;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, text.data() + at, 8);
    more += static_cast<std::uint64_t>(std::popcount((eight >> 7) & ~(eight >> 6) & ones));
  }
  for (; at < text.size(); ++at) more += static_cast<signed char>(text[at]) < -64 ? 1u : 0u;
  return text.size() - more;
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

constexpr bool ascii_letter(char c) { return static_cast<unsigned char>((c | 0x20) - 'a') < 26; }

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

// Up to eight bytes as a number, the first the lowest. Requires: size <= 8.
constexpr std::uint64_t eight_bytes(std::string_view text, std::size_t at, std::size_t size) {
  std::uint64_t eight = 0;
  if (!std::is_constant_evaluated() && std::endian::native == std::endian::little &&
      at + 8 <= text.size()) {
    std::memcpy(&eight, text.data() + at, 8);
    return size == 8 ? eight : eight & ((std::uint64_t{1} << (8 * size)) - 1);
  }
  for (std::size_t i = 0; i < size; ++i) {
    eight |= std::uint64_t{static_cast<unsigned char>(text[at + i])} << (8 * i);
  }
  return eight;
}

// Of text[begin, end): words of at most eight bytes never share one with others of their length.
constexpr std::uint64_t hash_span(std::string_view text, std::size_t begin, std::size_t end) {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15u;
  std::uint64_t hash = (end - begin) * 0xc2b2ae3d27d4eb4fu;
  for (; begin + 8 < end; begin += 8) {
    hash = (std::rotl(hash, 27) ^ eight_bytes(text, begin, 8)) * odd;
    hash ^= hash >> 32;
  }
  hash = (std::rotl(hash, 27) ^ eight_bytes(text, begin, end - begin)) * odd;
  return hash ^ (hash >> 32);
}
constexpr std::uint64_t hash_bytes(std::string_view word) {
  return hash_span(word, 0, word.size());
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
    const std::size_t begin = at;
    filter_word word{0, 0, false, piece.part == word_part::symbol};
    if (word.symbol) {
      const std::string_view symbol = text.substr(at, piece.length);
      do {
        at += symbol.size();
        ++word.characters;
      } while (text.substr(at, symbol.size()) == symbol);
    } else {
      bool only_lines = true;  // '_' alone is a mark
      for (;;) {
        word.letters = word.letters || piece.part == word_part::letter;
        only_lines = only_lines && text[at] == '_';
        at += piece.length;
        ++word.characters;
        const std::size_t run = at;
        while (at < text.size() && detail::ascii_letter(text[at])) ++at;
        if (at > run) {
          word.letters = true;
          only_lines = false;
          word.characters += static_cast<std::uint32_t>(at - run);
        }
        if (at == text.size()) break;
        piece = detail::piece_at(text, at);
        if (piece.part == word_part::letter || piece.part == word_part::other) continue;
        const std::size_t joint = detail::joint_at(text, at);
        if (joint == 0) break;
        at += joint;
        ++word.characters;
        piece = detail::piece_at(text, at);
      }
      word.symbol = only_lines;
    }
    word.hash = detail::hash_span(text, begin, at);
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

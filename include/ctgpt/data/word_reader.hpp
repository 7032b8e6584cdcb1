// The words of a text, as word lists and n-gram models see them: runs of letters, digits, marks and
// '_', of any script.
//
// for (word_span w = next_word(text, 0); w.end > w.begin; w = next_word(text, w.end))
//   text.substr(w.begin, w.end - w.begin)
//
// Bytes that are no UTF-8 are no part of a word.
// Errors: none.
#pragma once

#include <cstddef>
#include <string_view>

#include "ctgpt/text/unicode.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// text[begin, end); empty at the end of the text.
struct word_span {
  std::size_t begin = 0, end = 0;
};

namespace detail {
inline constexpr std::uint8_t in_words =
    text::kind_any_letter | text::kind_mark | text::kind_number;
// Of a byte: 1 a word character, 0 none, 2 the next bytes decide.
inline constexpr std::array<std::uint8_t, 256> word_bytes = [] {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t c = 0; c < 128; ++c) {
    table[c] = (text::detail::ascii_kinds[c] & in_words) != 0 || c == '_' ? 1 : 0;
  }
  for (std::size_t c = 128; c < 256; ++c) table[c] = 2;
  return table;
}();

// Bytes of the word character at text[at], or 0. Requires: at < text.size().
inline std::size_t word_character(std::string_view text, std::size_t at) {
  const std::uint8_t known = word_bytes[static_cast<unsigned char>(text[at])];
  if (known < 2) return known;
  const text::classified c =
      text::unicode_classes::get().beyond_ascii(text.data() + at, text.data() + text.size());
  return (c.kind & in_words) != 0 ? c.length : 0;
}
}  // namespace detail

// The first word that begins at `from` or later. Requires: `from` is not inside a word.
inline word_span next_word(std::string_view text, std::size_t from) {
  while (from < text.size() && detail::word_character(text, from) == 0) ++from;
  std::size_t end = from;
  while (end < text.size()) {
    const std::size_t length = detail::word_character(text, end);
    if (length == 0) break;
    end += length;
  }
  return {from, end};
}

}  // namespace ctgpt::inline CTGPT_ABI::data

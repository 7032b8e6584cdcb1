// The pieces of 64 bytes at a time: the patterns' rules as operations on bits.
//
// add_letters<kind_any_letter>(masks, p, end, unicode);    letters that are no ASCII join them
// quick_pieces found = quick_gpt2(masks, p);               bit i of starts: p[i] begins a piece
//
// p is where a piece begins, so nothing before it matters. What lies behind the 64 bytes, or is
// neither ASCII nor such a letter, is unknown: `limit` is the last place whose bit is certain. A
// piece is known when the next one's start is.
// Ensures: up to `limit` the starts are those of the scanners in text/patterns.hpp.
// Errors: none.
#pragma once

#include <algorithm>
#include <bit>

#include "ctgpt/base/text_kernels.hpp"
#include "ctgpt/text/unicode.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

// 's 't 'd 'm 'll 've 're; in any case too: the long s is an s then.
template <bool AnyCase>
const char* contraction_end(const char* p, const char* end) {
  if (end - p < 2 || *p != '\'') return nullptr;
  const auto letter = [](char c) {
    return AnyCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  const char one = letter(p[1]);
  if (one == 's' || one == 't' || one == 'd' || one == 'm') return p + 2;
  if (end - p < 3) return nullptr;
  if (AnyCase && p[1] == '\xC5' && p[2] == '\xBF') return p + 3;  // U+017F
  const char two = letter(p[2]);
  const bool is_one = (one == 'l' && two == 'l') || ((one == 'v' || one == 'r') && two == 'e');
  return is_one ? p + 3 : nullptr;
}

struct quick_pieces {
  std::uint64_t starts;
  unsigned limit;
};

// Moves letters of `Kinds` from masks.high to the masks of letters, all their bytes, up to the
// first that is something else.
template <unsigned Kinds>
void add_letters(ascii_masks& masks, const char* p, const char* end,
                 const unicode_classes& unicode) {
  for (std::uint64_t rest = masks.high; rest != 0;) {
    const auto place = static_cast<unsigned>(std::countr_zero(rest));
    const classified c = unicode.beyond_ascii(p + place, end);
    if ((c.kind & Kinds) == 0) return;
    const std::uint64_t bytes = ((std::uint64_t{1} << c.length) - 1) << place;
    ((c.kind & kind_upper) != 0 ? masks.upper : masks.lower) |= bytes;
    masks.high &= ~bytes;
    rest &= ~bytes;
  }
}

namespace detail {

inline constexpr std::uint64_t bit_at(unsigned place) { return std::uint64_t{1} << place; }

// The bits of `runs` from those of `first` on, up to a gap; first is a subset of runs. Flood holds
// for one of first in a run, flood_all for any.
constexpr std::uint64_t flood(std::uint64_t runs, std::uint64_t first) {
  return runs & ~(runs + first);
}
constexpr std::uint64_t flood_all(std::uint64_t runs, std::uint64_t first) {
  for (unsigned step = 1; step < 64; step *= 2) {
    first |= runs & (first << step);
    runs &= runs << step;
  }
  return first;
}

// The last place of which everything is known that lies before a byte that is no ASCII.
inline unsigned known_before(const ascii_masks& m) {
  const auto first_high = static_cast<unsigned>(std::countr_zero(m.high));
  return first_high < 2 ? 0 : first_high < 64 ? first_high - 2 : 61;
}

// The length of a contraction at an apostrophe, or 0.
template <bool AnyCase>
unsigned contraction_size(const char* p) {
  const char* const end = contraction_end<AnyCase>(p, p + 3);
  return end != nullptr ? static_cast<unsigned>(end - p) : 0;
}

// Calls at(place) for each set bit, lowest first. Bits too near to the end, whose contraction is
// unknown, end what is known instead.
template <class At>
void each_apostrophe(std::uint64_t bits, unsigned& limit, At at) {
  for (; bits != 0; bits &= bits - 1) {
    const auto place = static_cast<unsigned>(std::countr_zero(bits));
    if (place > limit) return;
    if (place > 60) {
      limit = place - 1;
      return;
    }
    at(place);
  }
}

// A run of blanks up to the end may go on: its first place is the last that is certain.
inline void end_at_open_run(std::uint64_t space, unsigned& limit) {
  if ((space >> 63) == 0) return;
  limit = std::min(limit, 64u - static_cast<unsigned>(std::countl_one(space)));
}

// White space of the later patterns: \s*[\r\n]+, \s+(?!\S), \s. `space` and `newline` are without
// the newlines that belong to symbols; behind `high` nothing is known.
inline std::uint64_t line_starts(std::uint64_t space, std::uint64_t newline, std::uint64_t high,
                                 unsigned& limit) {
  const std::uint64_t other = space & ~newline;
  const std::uint64_t after_line = (newline << 1) & other;
  std::uint64_t starts = (space & ~(space << 1)) | after_line | (other & ~(space >> 1));
  // Blanks between two newlines begin nothing.
  for (std::uint64_t next = ((other + after_line) & ~other) & newline; next != 0;
       next &= next - 1) {
    const auto place = static_cast<unsigned>(std::countr_zero(next));
    if (place == 0) continue;
    const auto run = static_cast<unsigned>(std::countl_one(other << (64 - place)));
    if (run != 0 && run < place) starts &= ~bit_at(place - run);
  }
  end_at_open_run(space, limit);
  // Before a byte that is no ASCII the run may go on too, up to a newline that takes all of it.
  if (const auto first = static_cast<unsigned>(std::countr_zero(high)); first % 64 != 0) {
    limit = std::min(limit, first - static_cast<unsigned>(std::countl_one(space << (64 - first))));
  }
  return starts;
}

inline std::uint64_t group_starts(std::uint64_t digit, unsigned most) {
  std::uint64_t starts = digit & ~(digit << 1), next = starts;
  const std::uint64_t inside =
      most == 2 ? digit & (digit << 1) : digit & (digit << 1) & (digit << 2);
  while ((next = (next << most) & inside) != 0) starts |= next;
  return starts;
}

// p + i for each bit i that is set, lowest first. Writes up to 64 places, of which only the first
// popcount(bits) mean something: most looks find fewer than 16, and so few are not counted.
inline void write_places(std::uint64_t bits, const char* p, const char** out) {
  do {
    for (int i = 0; i < 16; ++i) {
      out[i] = p + std::countr_zero(bits | bit_at(63));
      bits &= bits - 1;
    }
    out += 16;
  } while (bits != 0);
}

}  // namespace detail

inline quick_pieces quick_gpt2(const ascii_masks& m, const char* p) {
  const std::uint64_t letter = m.upper | m.lower;
  const std::uint64_t symbol = ~(letter | m.digit | m.space | m.high);
  unsigned limit = detail::known_before(m);
  const std::uint64_t after_blank = m.blank << 1;
  std::uint64_t starts =
      ((letter & ~(letter << 1)) | (m.digit & ~(m.digit << 1)) | (symbol & ~(symbol << 1))) &
      ~after_blank;
  starts |= m.space & ~((m.space << 1) & (m.space >> 1));
  detail::each_apostrophe(m.apostrophe & starts & (letter >> 1), limit, [&](unsigned place) {
    const unsigned size = detail::contraction_size<false>(p + place);
    if (size == 0) return;
    starts &= ~detail::bit_at(place + 1);
    starts |= detail::bit_at(place + size) & letter;
  });
  detail::end_at_open_run(m.space, limit);
  return {starts, limit};
}

// cl100k with MostDigits 3, nanochat with 2.
template <unsigned MostDigits>
quick_pieces quick_cl100k(const ascii_masks& m, const char* p) {
  const std::uint64_t letter = m.upper | m.lower;
  const std::uint64_t symbol = ~(letter | m.digit | m.space | m.high);
  unsigned limit = detail::known_before(m);
  const std::uint64_t tail = detail::flood(m.newline, m.newline & (symbol << 1));
  const std::uint64_t space = m.space & ~tail, newline = m.newline & ~tail;
  const std::uint64_t symbol_starts = symbol & ~(symbol << 1) & ~(m.blank << 1);
  const std::uint64_t prefix = (space & ~newline) | (symbol_starts & ~(symbol >> 1));
  std::uint64_t starts = (letter & ~(letter << 1) & ~(prefix << 1)) | symbol_starts |
                         detail::group_starts(m.digit, MostDigits) |
                         detail::line_starts(space, newline, m.high, limit);
  detail::each_apostrophe(m.apostrophe & symbol_starts & (letter >> 1), limit, [&](unsigned place) {
    const unsigned size = detail::contraction_size<true>(p + place);
    if (size != 0) starts |= detail::bit_at(place + size) & letter;
  });
  return {starts, limit};
}

inline quick_pieces quick_o200k(const ascii_masks& m, const char* p) {
  const std::uint64_t letter = m.upper | m.lower;
  const std::uint64_t all_symbols = ~(letter | m.digit | m.space | m.high);
  unsigned limit = detail::known_before(m);
  const std::uint64_t tail = detail::flood_all(m.newline | m.slash, m.newline & (all_symbols << 1));
  const std::uint64_t symbol = all_symbols & ~tail;
  const std::uint64_t space = m.space & ~tail, newline = m.newline & ~tail;
  const std::uint64_t symbol_starts = symbol & ~(symbol << 1) & ~(m.blank << 1);
  const std::uint64_t prefix = (space & ~newline) | (symbol_starts & ~(symbol >> 1) & ~(tail >> 1));
  std::uint64_t starts = (letter & ~(letter << 1) & ~(prefix << 1)) | (m.upper & (m.lower << 1)) |
                         symbol_starts | detail::group_starts(m.digit, 3) |
                         detail::line_starts(space, newline, m.high, limit);
  unsigned after_last = 64;  // a word has one contraction
  detail::each_apostrophe(m.apostrophe & (letter << 1) & (letter >> 1), limit, [&](unsigned place) {
    const unsigned size = detail::contraction_size<true>(p + place);
    if (size == 0 || place == after_last) return;
    starts &= ~detail::bit_at(place);
    starts |= detail::bit_at(place + size) & letter;
    // Inside the contraction no capital begins a word.
    starts &= ~detail::bit_at(place + 1);
    if (size == 3) starts &= ~detail::bit_at(place + 2);
    after_last = place + size;
  });
  return {starts, limit};
}

}  // namespace ctgpt::inline CTGPT_ABI::text

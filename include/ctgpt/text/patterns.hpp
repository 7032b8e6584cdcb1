// Pre-tokenizer patterns as types: how a text is cut into the pieces that BPE merges within.
//
// pattern = rules, tried left to right at each place; the first that matches makes the piece.
//   gpt2        GPT-2 (r50k, p50k)        cl100k      GPT-4
//   o200k       GPT-4o                    nanochat    cl100k with at most two digits
// const char* piece_end = text::cl100k::next(unicode, p, end);
// struct words_only : text::pattern<text::run<text::no_prefix, text::kind_any_letter>> {};
//
// Each is the regular expression of the same name, of tiktoken 0.14 and of nanochat, as a scanner
// without backtracking: every piece costs the bytes that it looks at, at most once more than it is
// long. Where no rule matches, one character is a piece. A byte of no character is one of class
// other.
// Ensures: next(p) > p and <= end; the pieces put together are the text.
// Errors: none.
// Reference: openai/tiktoken, tiktoken_ext/openai_public.py; karpathy/nanochat, tokenizer.py;
// text/unicode_tables.hpp for the version of Unicode.
#pragma once

#include <span>
#include <string_view>

#include "ctgpt/text/quick_pieces.hpp"
#include "ctgpt/text/unicode.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

template <class... Rules>
struct pattern {
  // The end of the piece that begins at p.
  // Requires: p < end, and p is where a piece ended or the text begins.
  static const char* next(const unicode_classes& unicode, const char* p, const char* end) {
    const classified first = unicode.at(p, end);
    const char* piece_end = nullptr;
    static_cast<void>(
        ((piece_end = Rules::match(unicode, first, p, end), piece_end != nullptr) || ...));
    return piece_end != nullptr ? piece_end : p + first.length;
  }
  // The pieces of the 64 bytes at p, where a look at the masks tells them. A pattern of one's own
  // may have a quicker way than this, which knows none.
  static quick_pieces quick(const ascii_masks&, const char*) { return {1, 0}; }
  static constexpr unsigned quick_letters = kind_any_letter;  // which it knows beyond ASCII
  // Whether a piece always ends where text/cuts.hpp says, so that a text may be cut there.
  static constexpr bool ends_after_letters = false;
};

// How far a run of the characters in `Kinds` goes from p; with Kinds 0, of those in none of `Not`.
template <unsigned Kinds, unsigned Not = 0>
const char* run_end(const unicode_classes& unicode, const char* p, const char* end) {
  while (p != end) {
    const classified c = unicode.at(p, end);
    if (Kinds != 0 ? (c.kind & Kinds) == 0 : (c.kind & Not) != 0) break;
    p += c.length;
  }
  return p;
}

// '(?:[sdmt]|ll|ve|re)
template <bool AnyCase>
struct contraction {
  static const char* match(const unicode_classes&, classified, const char* p, const char* end) {
    return contraction_end<AnyCase>(p, end);
  }
};

// What one character may stand before a run.
struct one_blank {  // U+0020
  static bool is(classified, const char* p) { return *p == ' '; }
};
struct one_mark_or_blank {  // [^\r\n\p{L}\p{N}]
  static bool is(classified c, const char*) {
    return (c.kind & (kind_newline | kind_any_letter | kind_number)) == 0;
  }
};
struct no_prefix {
  static bool is(classified, const char*) { return false; }
};

// Prefix?[Kinds]+
template <class Prefix, unsigned Kinds>
struct run {
  static const char* match(const unicode_classes& unicode, classified first, const char* p,
                           const char* end) {
    if ((first.kind & Kinds) != 0) return run_end<Kinds>(unicode, p + first.length, end);
    if (!Prefix::is(first, p)) return nullptr;
    const char* const begin = p + first.length;
    const char* const last = run_end<Kinds>(unicode, begin, end);
    return last != begin ? last : nullptr;
  }
};

// \p{N}{1,Most}
template <int Most>
struct digits {
  static const char* match(const unicode_classes& unicode, classified first, const char* p,
                           const char* end) {
    if ((first.kind & kind_number) == 0) return nullptr;
    p += first.length;
    for (int i = 1; i < Most && p != end; ++i) {
      const classified c = unicode.at(p, end);
      if ((c.kind & kind_number) == 0) break;
      p += c.length;
    }
    return p;
  }
};

// What may follow a run of symbols.
struct no_tail {
  static bool is(char) { return false; }
};
struct line_ends {
  static bool is(char c) { return c == '\r' || c == '\n'; }
};
struct line_ends_or_slashes {
  static bool is(char c) { return c == '\r' || c == '\n' || c == '/'; }
};

//  ?[^\s\p{L}\p{N}]+Tail*
template <class Tail>
struct symbols {
  static constexpr unsigned not_these = kind_space | kind_any_letter | kind_number;
  static const char* match(const unicode_classes& unicode, classified first, const char* p,
                           const char* end) {
    const char* begin = p;
    if (*p == ' ') {
      if (++begin == end) return nullptr;
      first = unicode.at(begin, end);
    }
    if ((first.kind & not_these) != 0) return nullptr;
    const char* last = run_end<0, not_these>(unicode, begin + first.length, end);
    while (last != end && Tail::is(*last)) ++last;
    return last;
  }
};

// White space: \s*[\r\n]+ if `Lines`, then \s+(?!\S), then \s. With `WholeAtEnd`, \s+ at the end of
// the text comes first.
template <bool Lines, bool WholeAtEnd = false>
struct spaces {
  static const char* match(const unicode_classes& unicode, classified first, const char* p,
                           const char* end) {
    if ((first.kind & kind_space) == 0) return nullptr;
    const char *last = p, *before_last = p, *after_newline = nullptr;
    for (classified c = first; (c.kind & kind_space) != 0; c = unicode.at(last, end)) {
      before_last = last;
      last += c.length;
      if ((c.kind & kind_newline) != 0) after_newline = last;
      if (last == end) break;
    }
    if (WholeAtEnd && last == end) return last;
    if (Lines && after_newline != nullptr) return after_newline;
    if (last == end || before_last == p) return last;
    return before_last;  // what stands before a word takes its last blank
  }
};

// o200k's two kinds of words, with a contraction behind them:
//   P?[Lu Lt Lm Lo M]*[Ll Lm Lo M]+   and   P?[Lu Lt Lm Lo M]+[Ll Lm Lo M]*
struct cased_words {
  static constexpr unsigned upper = kind_upper | kind_letter | kind_mark,
                            lower = kind_lower | kind_letter | kind_mark;

  struct heads {
    const char* begin;
    const char* end;         // of the longest run of upper
    const char* last_lower;  // after the last character of it that is lower too, or nullptr
  };
  static heads look(const unicode_classes& unicode, const char* p, const char* end) {
    heads h{p, p, nullptr};
    while (h.end != end) {
      const classified c = unicode.at(h.end, end);
      if ((c.kind & upper) == 0) break;
      h.end += c.length;
      if ((c.kind & lower) != 0) h.last_lower = h.end;
    }
    return h;
  }
  // The first kind: the tail of `lower`, or what the head gives back for it.
  static const char* mixed(const unicode_classes& unicode, const heads& h, const char* end) {
    const char* const tail = run_end<lower>(unicode, h.end, end);
    return tail != h.end ? tail : h.last_lower;
  }
  static const char* match(const unicode_classes& unicode, classified first, const char* p,
                           const char* end) {
    const bool prefixed = one_mark_or_blank::is(first, p) && p + first.length != end;
    heads after{}, here{};
    const char* found = nullptr;
    if (prefixed) {
      after = look(unicode, p + first.length, end);
      found = mixed(unicode, after, end);
    }
    if (found == nullptr && (first.kind & (upper | lower)) != 0) {
      here = look(unicode, p, end);
      found = mixed(unicode, here, end);
    }
    if (found == nullptr && prefixed && after.end != after.begin) found = after.end;
    if (found == nullptr && here.end != here.begin) found = here.end;
    if (found == nullptr) return nullptr;
    const char* const longer = contraction_end<true>(found, end);
    return longer != nullptr ? longer : found;
  }
};

struct gpt2 : pattern<contraction<false>, run<one_blank, kind_any_letter>,
                      run<one_blank, kind_number>, symbols<no_tail>, spaces<false>> {
  static constexpr std::string_view name() { return "gpt2"; }
  static constexpr bool ends_after_letters = true;
  static quick_pieces quick(const ascii_masks& m, const char* p) { return quick_gpt2(m, p); }
};
struct cl100k : pattern<contraction<true>, run<one_mark_or_blank, kind_any_letter>, digits<3>,
                        symbols<line_ends>, spaces<true, true>> {
  static constexpr std::string_view name() { return "cl100k"; }
  static constexpr bool ends_after_letters = true;
  static quick_pieces quick(const ascii_masks& m, const char* p) { return quick_cl100k<3>(m, p); }
};
struct nanochat : pattern<contraction<true>, run<one_mark_or_blank, kind_any_letter>, digits<2>,
                          symbols<line_ends>, spaces<true>> {
  static constexpr std::string_view name() { return "nanochat"; }
  static constexpr bool ends_after_letters = true;
  static quick_pieces quick(const ascii_masks& m, const char* p) { return quick_cl100k<2>(m, p); }
};
struct o200k : pattern<cased_words, digits<3>, symbols<line_ends_or_slashes>, spaces<true>> {
  static constexpr std::string_view name() { return "o200k"; }
  static constexpr bool ends_after_letters = true;
  // Those without case are capitals and small letters at once, which its bits do not know.
  static constexpr unsigned quick_letters = kind_upper | kind_lower;
  static quick_pieces quick(const ascii_masks& m, const char* p) { return quick_o200k(m, p); }
};

// Calls visit(begin, ends) for some hundred pieces after another: the first begins at `begin`, each
// of the others where the one before it ends. Neither the loop that finds them nor the one that
// visits them has to guess when the other's turn ends, and what a piece needs can be fetched ahead.
template <class Pattern, class Visit>
void for_each_batch(std::string_view text, Visit visit) {
  const unicode_classes& unicode = unicode_classes::get();
  const text_kernels::classify_function classify = text_kernels::classify();
  constexpr std::size_t most = 512;
  const char* ends[most + 64];  // as many as a look may write behind the last that is wanted
  std::size_t count = 0;
  const char *p = text.data(), *begin = p;
  const char* const end = p + text.size();
  ascii_masks masks;
  while (p != end) {
    std::uint64_t starts = 0;
    if (end - p >= 72) {
      classify(p, masks);
      if (masks.high != 0) add_letters<Pattern::quick_letters>(masks, p, end, unicode);
      const quick_pieces found = Pattern::quick(masks, p);
      starts = found.starts & ((std::uint64_t{2} << found.limit) - 2);
    }
    if (starts != 0) {
      detail::write_places(starts, p, ends + count);
      count += static_cast<std::size_t>(std::popcount(starts));
      p = ends[count - 1];
    } else {
      p = Pattern::next(unicode, p, end);
      ends[count++] = p;
    }
    if (count < most && p != end) continue;
    visit(begin, std::span<const char* const>(ends, count));
    begin = p;
    count = 0;
  }
}

// Calls visit(begin, size) for each piece of the text, in order.
template <class Pattern, class Visit>
void for_each_piece(std::string_view text, Visit visit) {
  for_each_batch<Pattern>(text, [&](const char* begin, std::span<const char* const> ends) {
    for (const char* const end : ends) {
      visit(begin, static_cast<std::size_t>(end - begin));
      begin = end;
    }
  });
}

}  // namespace ctgpt::inline CTGPT_ABI::text

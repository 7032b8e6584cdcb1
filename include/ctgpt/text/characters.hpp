// The character tokenizer: one token for each Unicode character of a corpus, in code point order.
//
// const auto letters = text::characters::of(corpus, "input.txt");
// letters.encode("Once", unknown::skip)       what the corpus never held: refuse, skip or replace
//
// A character is a Unicode scalar value (nanoGPT's "char" on the same file gives the same tokens).
// Ensures: decode(encode(x)) == x for every x made of the corpus's characters.
// Errors: a corpus or text that is not UTF-8, with the offset of the byte; an empty corpus; with
// unknown::refuse, a character that has no token, with its position; a token outside the
// vocabulary.
// Reference: karpathy/nanoGPT, data/shakespeare_char/prepare.py.
#pragma once

#include <algorithm>

#include "ctgpt/base/utf8.hpp"
#include "ctgpt/text/bytes.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

enum class unknown { refuse, skip, replace };

// 'é' (U+00E9); a character without a shape of its own as its number alone.
inline std::string show_character(char32_t code) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string number = "U+";
  for (int shift = code > 0xFFFF ? 20 : 12; shift >= 0; shift -= 4) {
    number += digits[(code >> shift) & 15];
  }
  const bool invisible = code <= ' ' || (code >= 0x7F && code <= 0xA0);
  if (invisible) return number;
  std::string shown = "'";
  utf8_append(shown, code);
  return shown + "' (" + number + ")";
}

class characters {
 public:
  // Token i stands for alphabet[i].
  // Requires: distinct Unicode scalar values, at least one.
  explicit characters(std::vector<char32_t> alphabet) : alphabet_(std::move(alphabet)) {
    expects(!alphabet_.empty(), "a character tokenizer needs at least one character");
    for (const char32_t code : alphabet_) {
      expects(is_unicode_scalar(code), "the number ", static_cast<std::uint32_t>(code),
              " is no Unicode character");
    }
    const char32_t highest = *std::max_element(alphabet_.begin(), alphabet_.end());
    tokens_.assign(static_cast<std::size_t>(highest) + 1, no_token);
    for (std::size_t i = 0; i < alphabet_.size(); ++i) {
      std::int32_t& token = tokens_[alphabet_[i]];
      expects(token == no_token, "the character ", show_character(alphabet_[i]),
              " is twice in a character tokenizer");
      token = static_cast<std::int32_t>(i);
    }
  }

  // The characters of a corpus, sorted. `corpus_name` is for errors.
  static characters of(std::string_view corpus, std::string_view corpus_name) {
    expects(!corpus.empty(), corpus_name, " is empty; a character tokenizer needs a text");
    std::vector<bool> seen;  // up to the highest so far
    for_each_character(corpus, corpus_name, [&](char32_t code, std::size_t) {
      if (code >= seen.size()) seen.resize(code + 1, false);
      seen[code] = true;
    });
    std::vector<char32_t> alphabet;
    for (char32_t code = 0; code < seen.size(); ++code) {
      if (seen[code]) alphabet.push_back(code);
    }
    return characters(std::move(alphabet));
  }

  static constexpr std::string_view name() { return "char"; }
  isize vocab_size() const { return static_cast<isize>(alphabet_.size()); }
  const std::vector<char32_t>& alphabet() const { return alphabet_; }
  bool knows(char32_t code) const { return find(code) != no_token; }

  // unknown::replace puts the token of `substitute` for each character that has none.
  std::vector<std::int32_t> encode(std::string_view text, unknown policy = unknown::refuse,
                                   char32_t substitute = U'?') const {
    const std::int32_t other = policy == unknown::replace ? find(substitute) : no_token;
    expects(policy != unknown::replace || other != no_token, "the substitute ",
            show_character(substitute), " is not in the tokenizer itself");
    std::vector<std::int32_t> tokens;
    tokens.reserve(text.size());
    for_each_character(text, "the text", [&](char32_t code, std::size_t offset) {
      const std::int32_t token = find(code);
      if (token != no_token) {
        tokens.push_back(token);
      } else if (policy == unknown::replace) {
        tokens.push_back(other);
      } else if (policy == unknown::refuse) {
        fail("the tokenizer does not know the character ", show_character(code), " at byte ",
             offset, " of the text; it knows the ", alphabet_.size(), " characters of its corpus");
      }
    });
    return tokens;
  }

  std::string token_bytes(std::int32_t token) const {
    std::string text;
    append(text, token);
    return text;
  }

  std::string decode(std::span<const std::int32_t> tokens) const {
    std::string text;
    text.reserve(tokens.size());
    for (const std::int32_t token : tokens) append(text, token);
    return text;
  }

 private:
  static constexpr std::int32_t no_token = -1;

  std::int32_t find(char32_t code) const {
    return code < tokens_.size() ? tokens_[code] : no_token;
  }

  void append(std::string& text, std::int32_t token) const {
    expects_token(token, vocab_size());
    utf8_append(text, alphabet_[static_cast<std::size_t>(token)]);
  }

  template <class Visit>
  static void for_each_character(std::string_view text, std::string_view name, Visit visit) {
    for (std::size_t offset = 0; offset < text.size();) {
      const utf8_character next = utf8_decode(text.substr(offset));
      expects(next.state == utf8_state::valid, name, " is not UTF-8 at byte ", offset,
              "; characters need UTF-8, but --tokenizer bytes takes any file");
      visit(next.code, offset);
      offset += next.length;
    }
  }

  std::vector<char32_t> alphabet_;    // token to character
  std::vector<std::int32_t> tokens_;  // character to token, up to the highest in the alphabet
};

}  // namespace ctgpt::inline CTGPT_ABI::text

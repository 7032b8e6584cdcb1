// The byte tokenizer: token i is the byte i. Any input, 256 tokens, nothing to train or to load.
//
// text::bytes{}.encode("Once")                {79, 110, 99, 101}
// text::bytes{}.decode(tokens)                the bytes; not always UTF-8 (see text/utf8.hpp)
//
// Ensures: decode(encode(x)) == x for every x.
// Errors: a token outside 0..255 in decode and token_bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/error.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

// Shared by the tokenizers: `token` must be one of 0 .. vocabulary - 1.
inline void expects_token(std::int32_t token, isize vocabulary) {
  expects(token >= 0 && token < vocabulary, "the token ", token, " is outside the vocabulary of ",
          vocabulary);
}

class bytes {
 public:
  static constexpr std::string_view name() { return "bytes"; }
  static constexpr isize vocab_size() { return 256; }

  std::vector<std::int32_t> encode(std::string_view text) const {
    std::vector<std::int32_t> tokens(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) tokens[i] = static_cast<unsigned char>(text[i]);
    return tokens;
  }

  std::string token_bytes(std::int32_t token) const {
    expects_token(token, vocab_size());
    return std::string(1, static_cast<char>(token));
  }

  std::string decode(std::span<const std::int32_t> tokens) const {
    std::string text;
    text.reserve(tokens.size());
    for (const std::int32_t token : tokens) text += token_bytes(token);
    return text;
  }
};

}  // namespace ctgpt::inline CTGPT_ABI::text

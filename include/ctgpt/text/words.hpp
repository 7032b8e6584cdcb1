// The word tokenizer: one token for each of a corpus's most frequent words, one for all others.
//
// const auto tokens = text::words::of(corpus, 8192);
// tokens.encode("Once upon"), tokens.decode(ids), tokens.unknown_token()
//
// A word is a piece of GPT-2's pattern: letters, digits or symbols with the blank before them, or
// white space, so that the words put together are the text. Token 0 is "<unk>", which stands for
// every word without a token and is what such a word is decoded to; the others follow by how often
// they are there, of equals the smaller bytes first.
// Ensures: decode(encode(x)) == x for every x made of the known words.
// Errors: a word that is there twice, a vocabulary without room, a token outside it.
// Reference: huggingface/tokenizers, models/wordlevel.
#pragma once

#include "ctgpt/text/bytes.hpp"
#include "ctgpt/text/piece_counts.hpp"
#include "ctgpt/text/token_index.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

class words {
 public:
  static constexpr std::string_view unknown_name = "<unk>";

  // Token i is tokens[i]; `unknown` is the one for all other words.
  words(std::vector<std::string> tokens, std::int32_t unknown)
      : tokens_(std::move(tokens)), index_(tokens_), unknown_(unknown) {
    expects_token(unknown, vocab_size());
    for (std::size_t id = 0; id < tokens_.size(); ++id) {
      expects(!tokens_[id].empty(), "the token ", id, " of a word tokenizer is empty");
    }
    const std::int32_t twice = index_.twice();
    expects(twice < 0, "the word ",
            io::quote_json(twice < 0 ? "" : tokens_[static_cast<std::size_t>(twice)]),
            " is twice in a word tokenizer");
  }

  // The most frequent pieces that were counted; `vocab` counts the unknown token too.
  static words of(piece_counts<gpt2>& counts, isize vocab) {
    expects(vocab >= 2, "a vocabulary of ", vocab, " has no room for words beside the unknown one");
    std::vector<std::pair<std::uint64_t, std::string>> found;
    counts.each([&](std::string_view piece, std::uint64_t count) {
      if (piece != unknown_name) found.emplace_back(count, piece);
    });
    const auto kept = std::min(found.size(), static_cast<std::size_t>(vocab - 1));
    std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept), found.end(),
                      [](const auto& a, const auto& b) {
                        return a.first != b.first ? a.first > b.first : a.second < b.second;
                      });
    std::vector<std::string> tokens{std::string(unknown_name)};
    for (std::size_t i = 0; i < kept; ++i) tokens.push_back(std::move(found[i].second));
    return words(std::move(tokens), 0);
  }
  static words of(std::string_view corpus, isize vocab, int threads = 1) {
    piece_counts<gpt2> counts({}, threads);
    counts.add(corpus);
    return of(counts, vocab);
  }

  static constexpr std::string_view name() { return "words"; }
  isize vocab_size() const { return static_cast<isize>(tokens_.size()); }
  const std::vector<std::string>& tokens() const { return tokens_; }
  std::int32_t unknown_token() const { return unknown_; }

  std::vector<std::int32_t> encode(std::string_view text) const {
    std::vector<std::int32_t> ids;
    for_each_piece<gpt2>(text, [&](const char* p, std::size_t size) {
      const std::int32_t found = index_.find(tokens_, {p, size});
      ids.push_back(found >= 0 ? found : unknown_);
    });
    return ids;
  }

  std::string token_bytes(std::int32_t token) const {
    expects_token(token, vocab_size());
    return tokens_[static_cast<std::size_t>(token)];
  }

  std::string decode(std::span<const std::int32_t> ids) const {
    std::string text;
    for (const std::int32_t token : ids) {
      expects_token(token, vocab_size());
      text += tokens_[static_cast<std::size_t>(token)];
    }
    return text;
  }

 private:
  std::vector<std::string> tokens_;
  token_index index_;
  std::int32_t unknown_;
};

}  // namespace ctgpt::inline CTGPT_ABI::text

// token_table: the bytes of every token, for an engine that serves whatever tokenizer.
//
// token_table(tokenizer, vocab): of a tokenizer with vocab_size() and token_bytes(), has() where a
// vocabulary may have holes, special_tokens() where it has some; vocab: rows of the model's
// vocabulary in use.
// Ensures: a special token has no bytes: an answer is text, and <|im_start|> is none. size() is the
// number of tokens that may be asked for and drawn; holes() those among them that no token has.
// Errors: none.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI {

class token_table {
 public:
  template <class Tokenizer>
  [[gnu::cold]] token_table(const Tokenizer& tokenizer, isize vocab) {
    const isize known = std::min<isize>(tokenizer.vocab_size(), vocab);
    std::vector<bool> silent(static_cast<std::size_t>(known), false);
    if constexpr (requires { tokenizer.special_tokens(); }) {
      for (const auto& each : tokenizer.special_tokens()) {
        if (each.token < known) silent[static_cast<std::size_t>(each.token)] = true;
      }
    }
    for (std::int32_t id = 0; id < known; ++id) {
      begins_.push_back(bytes_.size());
      if constexpr (requires { tokenizer.has(id); }) {
        if (!tokenizer.has(id)) {
          holes_.push_back(id);
          continue;
        }
      }
      if (!silent[static_cast<std::size_t>(id)]) bytes_ += tokenizer.token_bytes(id);
    }
    begins_.push_back(bytes_.size());
  }

  isize size() const { return static_cast<isize>(begins_.size()) - 1; }
  bool has(std::int32_t id) const {
    return id >= 0 && id < size() && !std::binary_search(holes_.begin(), holes_.end(), id);
  }
  const std::vector<std::int32_t>& holes() const { return holes_; }
  // Requires: 0 <= id < size().
  std::string_view bytes(std::int32_t id) const {
    const std::size_t begin = begins_[static_cast<std::size_t>(id)];
    return std::string_view(bytes_).substr(begin,
                                           begins_[static_cast<std::size_t>(id) + 1] - begin);
  }

 private:
  std::string bytes_;
  std::vector<std::size_t> begins_;
  std::vector<std::int32_t> holes_;
};

}  // namespace ctgpt::inline CTGPT_ABI

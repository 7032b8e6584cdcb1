// moving_window: the tokens that a model with a bounded context sees of a text that grows without
// bound, kept in step with a decoder's cache.
//
// Token by token: while the window holds fewer than `context` tokens the next one joins it; when it
// is full, the window becomes its own last half (context / 2 tokens), whose keys and values are
// computed again at positions 0, 1, ..., and then the next one joins it.
//
// Ensures: the window depends on the tokens alone, never on how they were cut into appends: of n
// tokens it is all while n <= context, else the last n - h ceil((n - context) / h), with
// h = context - context / 2. So logits() equals an uncached computation on ids(), and a long prompt
// counts as if it had been generated.
// Cost: one token's work a token, and context / 2 + 1 tokens' once in h.
// Errors: a token outside the vocabulary; the decoder's own.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "ctgpt/model/decoder.hpp"

namespace ctgpt::inline CTGPT_ABI {

class moving_window {
 public:
  // Uses one sequence of the decoder, from its start.
  explicit moving_window(token_decoder& run, isize sequence = 0) : run_(&run), sequence_(sequence) {
    ids_.reserve(static_cast<std::size_t>(run.context()));
  }

  void append(std::span<const std::int32_t> tokens) {
    for (const std::int32_t token : tokens) {
      expects(token >= 0 && token < run_->vocab(), "the token ", token,
              " is outside the model's vocabulary of ", run_->vocab());
    }
    const isize held = size(), more = static_cast<isize>(tokens.size());
    const isize context = run_->context(), hop = context - context / 2;
    if (more == 0) return;
    if (held + more <= context) {
      join(held, tokens);
      run_->feed(tokens, sequence_, held);
      return;
    }
    const isize passed = (held + more - context + hop - 1) / hop * hop;
    const isize stays = std::max(held - passed, isize{0});
    std::copy_n(ids_.data() + held - stays, stays, ids_.data());
    join(stays, tokens.subspan(static_cast<std::size_t>(std::max(passed - held, isize{0}))));
    run_->feed(ids_, sequence_, 0);
  }
  void append(std::int32_t token) { append({&token, 1}); }

  // Forgets the text; the memory stays.
  void clear() { ids_.clear(); }

  // What the model sees, oldest first.
  std::span<const std::int32_t> ids() const { return ids_; }
  isize size() const { return static_cast<isize>(ids_.size()); }
  // Of the token after ids().
  // Requires: something was appended, and the decoder fed by nobody else.
  std::span<const float> logits() const { return run_->logits(); }

 private:
  // The first `held` ids, and `tokens` behind them.
  void join(isize held, std::span<const std::int32_t> tokens) {
    ids_.resize(static_cast<std::size_t>(held) + tokens.size());
    std::copy_n(tokens.data(), tokens.size(), ids_.data() + held);
  }

  token_decoder* run_;
  isize sequence_;
  std::vector<std::int32_t> ids_;
};

}  // namespace ctgpt::inline CTGPT_ABI

// A decoder without a model: it knows what every text goes on with, and notes what it was fed.
#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "ctgpt/model/decoder.hpp"

namespace ctgpt_test {

using namespace ctgpt;
using ids = std::vector<std::int32_t>;

// After the n-th feed the next token is script[n - 1], whatever was fed.
class scripted_decoder final : public token_decoder {
 public:
  scripted_decoder(ids script, isize vocab, isize context)
      : script_(std::move(script)), vocab_(vocab), context_(context) {
    logits_.resize(static_cast<std::size_t>(vocab));
  }

  isize vocab() const override { return vocab_; }
  isize context() const override { return context_; }
  std::span<const float> logits() const override { return logits_; }

  void feed(std::span<const std::int32_t> tokens, isize sequence, isize start) override {
    expects(sequence == 0, "there is one sequence");
    expects(start >= 0 && start <= static_cast<isize>(cache_.size()), "a hole in the cache");
    expects(start + static_cast<isize>(tokens.size()) <= context_, "past the context");
    cache_.resize(static_cast<std::size_t>(start));
    cache_.insert(cache_.end(), tokens.begin(), tokens.end());
    fed_ += static_cast<isize>(tokens.size());
    ++feeds_;
    std::fill(logits_.begin(), logits_.end(), 0.0f);
    const auto next = static_cast<std::size_t>(feeds_ - 1);
    if (next < script_.size()) logits_[static_cast<std::size_t>(script_[next])] = 100.0f;
  }

  const ids& cache() const { return cache_; }
  isize feeds() const { return feeds_; }
  isize fed() const { return fed_; }

 private:
  ids script_, cache_;
  isize vocab_, context_, feeds_ = 0, fed_ = 0;
  std::vector<float> logits_;
};

}  // namespace ctgpt_test

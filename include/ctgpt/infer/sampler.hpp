// sampler: draws the next token from a model's logits.
//
// s = logits;  s[i] = s[i] > 0 ? s[i] / r : s[i] r      for every id i of the history, r = penalty
// p = softmax(s / temperature)                          temperature 0: the largest s, ties to the
//                                                       lowest id
// top-k: every id whose s is at least the k-th largest  (ties of the k-th stay)
// top-p: the smallest set of likeliest ids whose share of what top-k left reaches top_p; of equal
//        ones the lowest id comes first
// min-p: every id with p at least min_p times the largest p
// Each filter is off at its neutral value (0, 1, 0, 1) and always leaves one id.
// Shapes: logits (V), V the vocabulary in use; history: any ids below V, each counted once.
// Ensures: the n-th draw depends on the logits, the history, the seed and n alone; next() and
// distribution() allocate nothing.
// Errors: options out of range: usage_error; logits that hold NaN or infinity, or nothing but
// -infinity (which bans a token): error.
// Reference: the logits processors of Hugging Face transformers, in its order; Keskar et al. 2019
// (repetition penalty); Fan et al. 2018 (top-k); Holtzman et al. 2020 (top-p); Nguyen et al. 2024
// (min-p).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/base/random.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct sampling {
  float temperature = 0.8f;  // 0: greedy
  int top_k = 200;           // 0: off
  float top_p = 1.0f;
  float min_p = 0.0f;
  float repetition_penalty = 1.0f;
  std::uint64_t seed = 1337;

  // What is wrong with these options, as one sentence; empty when nothing is.
  [[gnu::cold]] std::string validate() const {
    // Written so that NaN fails.
    if (!(temperature >= 0.0f && temperature <= std::numeric_limits<float>::max())) {
      return join("the temperature must be 0 (greedy) or a positive number, not ", temperature);
    }
    if (top_k < 0) return join("top-k must be 0 (off) or a positive number, not ", top_k);
    if (!(top_p >= 0.0f && top_p <= 1.0f)) {
      return join("top-p must be between 0 and 1 (off), not ", top_p);
    }
    if (!(min_p >= 0.0f && min_p <= 1.0f)) {
      return join("min-p must be between 0 (off) and 1, not ", min_p);
    }
    if (!(repetition_penalty >= 0.01f && repetition_penalty <= 100.0f)) {
      return join("the repetition penalty must be between 0.01 and 100 (1: off), not ",
                  repetition_penalty);
    }
    return {};
  }
};

class sampler {
 public:
  struct choice {
    std::int32_t id = 0;
    double probability = 0.0;
  };

  // vocab: the number of logits.
  [[gnu::cold]] sampler(const sampling& options, isize vocab)
      : options_(options), random_(options.seed, stream) {
    const std::string wrong = options.validate();
    if (!wrong.empty()) throw usage_error(wrong);
    expects(vocab >= 1 && vocab <= std::numeric_limits<std::int32_t>::max(), "a vocabulary of ",
            vocab, " tokens cannot be sampled from");
    const auto size = static_cast<std::size_t>(vocab);
    scores_.resize(size);
    seen_.resize(size, 0);
    choices_.resize(size);
    if (cuts_top_k()) largest_.resize(static_cast<std::size_t>(options.top_k));
    if (options.top_p < 1.0f) heap_.resize(size);
  }

  // Never draws this id, whatever its logit. Requires: 0 <= id < the number of logits.
  void ban(std::int32_t id) { banned_.push_back(id); }

  std::int32_t next(std::span<const float> logits, std::span<const std::int32_t> history) {
    const std::span<const choice> choices = distribution(logits, history);
    if (options_.temperature == 0.0f) return choices.front().id;
    const double uniform = draw();
    double reached = 0.0;
    for (const choice& each : choices) {
      reached += each.probability;
      if (reached > uniform) return each.id;
    }
    return choices.back().id;  // the sum may round to just below 1
  }

  // What next() draws from: the ids that are left, ascending, and their probabilities, all
  // positive. Valid until the next call.
  std::span<const choice> distribution(std::span<const float> logits,
                                       std::span<const std::int32_t> history) {
    expects(logits.size() == scores_.size(), "the sampler was made for ", scores_.size(),
            " logits and got ", logits.size());
    std::copy(logits.begin(), logits.end(), scores_.begin());
    for (const std::int32_t id : banned_) scores_[static_cast<std::size_t>(id)] = -infinity;
    penalize(history);
    const std::size_t best = likeliest();
    left_ = 0;
    if (options_.temperature == 0.0f) {
      choices_[left_++] = {static_cast<std::int32_t>(best), 1.0};
      return left();
    }
    weigh(scores_[best], cuts_top_k() ? kth_largest() : -infinity);
    if (options_.top_p < 1.0f) keep_top_p();
    // The largest weight is 1, so min-p compares with it directly.
    keep([least = static_cast<double>(options_.min_p)](const choice& each) {
      return each.probability >= least;
    });
    const double total = sum();
    for (choice& each : left()) each.probability /= total;
    return left();
  }

 private:
  static constexpr float infinity = std::numeric_limits<float>::infinity();
  static constexpr std::uint64_t stream = 0x73616d706c65;  // apart from every other use of the seed

  bool cuts_top_k() const {
    return options_.top_k > 0 && static_cast<std::size_t>(options_.top_k) < scores_.size();
  }

  // Uniform in [0, 1), 53 bits: a large vocabulary has probabilities that 24 bits would miss.
  double draw() {
    const std::uint64_t high = random_.next(), low = random_.next();
    return static_cast<double>(((high << 32) | low) >> 11) * 0x1p-53;
  }

  void penalize(std::span<const std::int32_t> history) {
    const float penalty = options_.repetition_penalty;
    if (penalty == 1.0f) return;
    for (const std::int32_t id : history) {
      expects(id >= 0 && static_cast<std::size_t>(id) < scores_.size(), "the token ", id,
              " of the history is outside the vocabulary of ", scores_.size());
      const auto i = static_cast<std::size_t>(id);
      if (seen_[i] != 0) continue;
      seen_[i] = 1;
      scores_[i] = scores_[i] < 0.0f ? scores_[i] * penalty : scores_[i] / penalty;
    }
    for (const std::int32_t id : history) seen_[static_cast<std::size_t>(id)] = 0;
  }

  // The id of the largest score, the lowest of equals.
  std::size_t likeliest() const {
    std::size_t best = 0;
    for (std::size_t i = 0; i < scores_.size(); ++i) {
      expects(scores_[i] < infinity, "the model's logit of token ", i, " is ", scores_[i],
              "; its weights are damaged, or its training diverged");
      if (scores_[i] > scores_[best]) best = i;
    }
    expects(scores_[best] > -infinity,
            "the model's logits are all -infinity, so no token can follow",
            "; its weights are damaged, or every token is banned");
    return best;
  }

  float kth_largest() {
    std::partial_sort_copy(scores_.begin(), scores_.end(), largest_.begin(), largest_.end(),
                           [](float a, float b) { return a > b; });
    return largest_.back();
  }

  // Everything of score `least` and above, with exp((score - best) / temperature) where that is not
  // 0.
  void weigh(float best, float least) {
    const auto temperature = static_cast<double>(options_.temperature);
    for (std::size_t i = 0; i < scores_.size(); ++i) {
      if (scores_[i] < least) continue;
      const double distance = static_cast<double>(scores_[i]) - static_cast<double>(best);
      const double weight = std::exp(distance / temperature);
      if (weight > 0.0) choices_[left_++] = {static_cast<std::int32_t>(i), weight};
    }
  }

  // Takes the likeliest off a heap until their sum reaches top_p. Usually few are taken, so this is
  // far from the cost of sorting; the choices themselves stay in the order of their ids.
  void keep_top_p() {
    const auto after = [](const choice& a, const choice& b) {
      return a.probability != b.probability ? a.probability < b.probability : a.id > b.id;
    };
    const double goal = static_cast<double>(options_.top_p) * sum();
    choice *heap = heap_.data(), *end = std::copy_n(choices_.data(), left_, heap), last{};
    std::make_heap(heap, end, after);
    double reached = 0.0;
    do {
      std::pop_heap(heap, end, after);
      last = *--end;
      reached += last.probability;
    } while (heap != end && reached < goal);
    keep([&](const choice& each) { return !after(each, last); });
  }

  std::span<choice> left() { return std::span(choices_).first(left_); }
  template <class Wanted>
  void keep(Wanted wanted) {
    std::size_t count = 0;
    for (const choice& each : left()) {
      if (wanted(each)) choices_[count++] = each;
    }
    left_ = count;
  }

  double sum() {
    double total = 0.0;
    for (const choice& each : left()) total += each.probability;
    return total;
  }

  sampling options_;
  random_stream random_;
  std::vector<float> scores_, largest_;
  std::vector<std::uint8_t> seen_;
  std::vector<std::int32_t> banned_;
  std::vector<choice> choices_, heap_;  // (vocab)
  std::size_t left_ = 0;                // of choices_
};

}  // namespace ctgpt::inline CTGPT_ABI

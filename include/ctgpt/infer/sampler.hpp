// sampler: draws the next token from a model's logits.
//
// s = logits;  s[i] += bias[i]
// s[i] = s[i] > 0 ? s[i] / r : s[i] r                   for every id i of the history, r = penalty
// s[i] -= frequency n + presence                        for every id that the answer has n times
// p = softmax(s / temperature)                          temperature 0: the largest s, ties to the
//                                                       lowest id
// top-k: every id whose s is at least the k-th largest  (ties of the k-th stay)
// top-p: the smallest set of likeliest ids whose share of what top-k left reaches top_p; of equal
//        ones the lowest id comes first
// min-p: every id with p at least min_p times the largest p
// typical: the smallest set of ids whose -log p is nearest to the entropy of what is left, with a
//        share of it that reaches typical_p; of equally near ones the lowest id comes first
// Each filter is off at its neutral value (0, 1, 0, 1) and always leaves one id.
// Shapes: logits (V), V the vocabulary in use; history: any ids below V, each counted once.
// Ensures: the n-th draw depends on the logits, the history, the seed and n alone; next() and
// distribution() allocate nothing.
// Errors: options out of range: usage_error; logits that hold NaN or infinity, or nothing but
// -infinity (which bans a token): error.
// Reference: the logits processors of Hugging Face transformers, in its order; Keskar et al. 2019
// (repetition penalty); Fan et al. 2018 (top-k); Holtzman et al. 2020 (top-p); Nguyen et al. 2024
// (min-p); Meister et al. 2023 (typical). Frequency and presence penalties, bias: OpenAI's API.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
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
  float typical_p = 1.0f;

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
    if (!(typical_p >= 0.0f && typical_p <= 1.0f)) {
      return join("typical-p must be between 0 and 1 (off), not ", typical_p);
    }
    if (!(repetition_penalty >= 0.01f && repetition_penalty <= 100.0f)) {
      return join("the repetition penalty must be between 0.01 and 100 (1: off), not ",
                  repetition_penalty);
    }
    return {};
  }
};

// What else changes the scores before the filters see them.
struct score_changes {
  std::span<const std::pair<std::int32_t, float>> bias = {};  // token, added value
  float frequency_penalty = 0.0f, presence_penalty = 0.0f;
  std::size_t prompt = 0;  // tokens of the history before the answer
};

class sampler {
 public:
  struct choice {
    std::int32_t id = 0;
    double probability = 0.0;
  };

  // vocab: the number of logits.
  [[gnu::cold]] sampler(const sampling& options, isize vocab)
      : random_(options.seed, stream),
        scores_(checked(vocab)),
        largest_(scores_.size() + 1),
        seen_(scores_.size()),
        choices_(scores_.size() + 1),
        heap_(scores_.size()),
        keys_(scores_.size()) {
    become(options, 0);
  }

  // From now on this is a sampler of these options that has drawn `draws` times: one serves many
  // texts in turn.
  [[gnu::cold]] void become(const sampling& options, std::uint64_t draws) {
    const std::string wrong = options.validate();
    if (!wrong.empty()) throw usage_error(wrong);
    options_ = options;
    random_ = random_stream(options.seed, stream);
    random_.seek(2 * draws);
  }

  // Never draws this id, whatever its logit. Requires: 0 <= id < the number of logits.
  void ban(std::int32_t id) { banned_.push_back(id); }

  std::int32_t next(std::span<const float> logits, std::span<const std::int32_t> history,
                    const score_changes& changes = {}) {
    const std::span<const choice> choices = distribution(logits, history, changes);
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
                                       std::span<const std::int32_t> history,
                                       const score_changes& changes = {}) {
    expects(logits.size() == scores_.size(), "the sampler was made for ", scores_.size(),
            " logits and got ", logits.size());
    std::copy(logits.begin(), logits.end(), scores_.begin());
    for (const std::int32_t id : banned_) scores_[static_cast<std::size_t>(id)] = -infinity;
    for (const auto& [id, value] : changes.bias) scores_[place_of(id, "")] += value;
    penalize(history);
    penalize_answer(history, changes);
    const std::size_t best = likeliest();
    left_ = 0;
    if (options_.temperature == 0.0f) {
      choices_[left_++] = {static_cast<std::int32_t>(best), 1.0};
      return left();
    }
    weigh(scores_[best], cuts_top_k() ? kth_largest() : -infinity);
    if (options_.top_p < 1.0f) keep_likeliest();
    // The largest weight is 1, so min-p compares with it directly.
    keep([least = static_cast<double>(options_.min_p)](const choice& each) {
      return each.probability >= least;
    });
    if (options_.typical_p < 1.0f) keep_typical();
    const double total = sum();
    for (choice& each : left()) each.probability /= total;
    return left();
  }

 private:
  static constexpr float infinity = std::numeric_limits<float>::infinity();
  static constexpr std::uint32_t bins = 2048;
  static constexpr std::uint64_t stream = 0x73616d706c65;  // apart from every other use of the seed

  [[gnu::cold]] static std::size_t checked(isize vocab) {
    expects(vocab >= 1 && vocab <= std::numeric_limits<std::int32_t>::max(), "a vocabulary of ",
            vocab, " tokens cannot be sampled from");
    return static_cast<std::size_t>(vocab);
  }

  bool cuts_top_k() const {
    return options_.top_k > 0 && static_cast<std::size_t>(options_.top_k) < scores_.size();
  }

  // Uniform in [0, 1), 53 bits: a large vocabulary has probabilities that 24 bits would miss.
  double draw() {
    const std::uint64_t high = random_.next(), low = random_.next();
    return static_cast<double>(((high << 32) | low) >> 11) * 0x1p-53;
  }

  std::size_t place_of(std::int32_t id, const char* whose = " of the history") const {
    expects(id >= 0 && static_cast<std::size_t>(id) < scores_.size(), "the token ", id, whose,
            " is outside the vocabulary of ", scores_.size());
    return static_cast<std::size_t>(id);
  }

  void penalize(std::span<const std::int32_t> history) {
    const float penalty = options_.repetition_penalty;
    if (penalty == 1.0f) return;
    for (const std::int32_t id : history) {
      const std::size_t i = place_of(id);
      if (seen_[i] != 0) continue;
      seen_[i] = 1;
      scores_[i] = scores_[i] < 0.0f ? scores_[i] * penalty : scores_[i] / penalty;
    }
    for (const std::int32_t id : history) seen_[static_cast<std::size_t>(id)] = 0;
  }

  void penalize_answer(std::span<const std::int32_t> history, const score_changes& changes) {
    if (changes.frequency_penalty == 0.0f && changes.presence_penalty == 0.0f) return;
    const std::span<const std::int32_t> answer = history.subspan(changes.prompt);
    for (const std::int32_t id : answer) ++seen_[place_of(id)];
    for (const std::int32_t id : answer) {
      const auto i = static_cast<std::size_t>(id);
      if (seen_[i] == 0) continue;
      scores_[i] -= changes.frequency_penalty * static_cast<float>(seen_[i]);
      scores_[i] -= changes.presence_penalty;
      seen_[i] = 0;
    }
  }

  // Integers in the order of floats.
  static std::int32_t order_of(float score) {
    const auto bits = std::bit_cast<std::int32_t>(score);
    return bits ^ ((bits >> 31) & 0x7fffffff);
  }

  // The id of the largest score, the lowest of equals.
  std::size_t likeliest() const {
    std::int32_t largest = std::numeric_limits<std::int32_t>::min();
    bool finite = true;
    for (const float score : scores_) {  // integers: their largest is found without waiting
      largest = std::max(largest, order_of(score));
      finite &= score < infinity;
    }
    if (!finite) fail_damaged();
    const float best = std::bit_cast<float>(largest ^ ((largest >> 31) & 0x7fffffff));
    expects(best > -infinity, "the model's logits are all -infinity, so no token can follow",
            "; its weights are damaged, or every token is banned");
    return static_cast<std::size_t>(std::find(scores_.begin(), scores_.end(), best) -
                                    scores_.begin());
  }
  [[noreturn, gnu::cold]] void fail_damaged() const {
    std::size_t i = 0;
    while (scores_[i] < infinity) ++i;
    fail("the model's logit of token ", i, " is ", scores_[i],
         "; its weights are damaged, or its training diverged");
  }

  // Counting by the upper bits finds the few scores that it is among: far cheaper than sorting.
  float kth_largest() {
    const auto bin_of = [](float score) {
      return (static_cast<std::uint32_t>(order_of(score)) ^ 0x80000000u) >> 21;
    };
    std::fill(counts_, counts_ + bins, 0u);
    for (const float score : scores_) ++counts_[bin_of(score)];
    auto left = static_cast<std::uint32_t>(options_.top_k);
    std::uint32_t bin = bins - 1;
    for (; counts_[bin] < left; --bin) left -= counts_[bin];
    std::size_t few = 0;
    for (const float score : scores_) {
      largest_[few] = score;
      few += bin_of(score) == bin ? 1 : 0;
    }
    const auto place = largest_.begin() + left - 1;
    std::nth_element(largest_.begin(), place, largest_.begin() + static_cast<std::ptrdiff_t>(few),
                     [](float a, float b) { return a > b; });
    return *place;
  }

  // Everything of score `least` and above, with exp((score - best) / temperature) where that is not
  // 0.
  void weigh(float best, float least) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < scores_.size(); ++i) {
      choices_[count].id = static_cast<std::int32_t>(i);
      count += scores_[i] >= least ? 1 : 0;
    }
    const auto temperature = static_cast<double>(options_.temperature);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t id = choices_[i].id;
      const double score = static_cast<double>(scores_[static_cast<std::size_t>(id)]);
      const double weight = std::exp((score - static_cast<double>(best)) / temperature);
      choices_[left_] = {id, weight};
      left_ += weight > 0.0 ? 1 : 0;
    }
  }

  // The smallest set of those with the largest keys whose share reaches `share`; of equal keys the
  // lowest id comes first. They are taken off a heap: usually few are, so this is far from the cost
  // of sorting; the choices themselves stay in the order of their ids. Requires: keys_ is filled.
  void keep_first(float share) {
    struct order {
      static bool after(const choice& a, const choice& b) {
        return a.probability != b.probability ? a.probability < b.probability : a.id > b.id;
      }
    };
    const double goal = static_cast<double>(share) * sum();
    choice *heap = heap_.data(), *end = heap + left_;
    for (std::size_t i = 0; i < left_; ++i) {  // the place among those left, and the key
      heap[i] = {static_cast<std::int32_t>(i), keys_[i]};
    }
    std::make_heap(heap, end, order::after);
    choice last{};
    double reached = 0.0;
    do {
      std::pop_heap(heap, end, order::after);
      last = *--end;
      reached += choices_[static_cast<std::size_t>(last.id)].probability;
    } while (heap != end && reached < goal);
    std::int32_t place = 0;
    keep([&](const choice&) {
      const choice each{place, keys_[static_cast<std::size_t>(place)]};
      ++place;
      return !order::after(each, last);
    });
  }

  void keep_likeliest() {
    for (std::size_t i = 0; i < left_; ++i) keys_[i] = choices_[i].probability;
    keep_first(options_.top_p);
  }
  [[gnu::cold]] void keep_typical() {
    const double total = sum();
    double entropy = 0.0;
    const double log_total = std::log(total);  // apart: a quotient may round to 0
    for (const choice& each : left()) {
      entropy -= each.probability / total * (std::log(each.probability) - log_total);
    }
    for (std::size_t i = 0; i < left_; ++i) {
      keys_[i] = -std::fabs(log_total - std::log(choices_[i].probability) - entropy);
    }
    keep_first(options_.typical_p);
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
  std::vector<float> scores_;           // (vocab), as the next four
  std::vector<float> largest_;          // those that the k-th largest is among, and one more
  std::vector<std::uint32_t> seen_;     // how often in the answer, or whether in the history
  std::vector<choice> choices_, heap_;  // choices_: one more, which is written and perhaps not kept
  std::vector<double> keys_;            // what keep_first orders by, of each of those left
  std::uint32_t counts_[bins] = {};     // of scores by their upper bits
  std::vector<std::int32_t> banned_;
  std::size_t left_ = 0;  // of choices_
};

}  // namespace ctgpt::inline CTGPT_ABI

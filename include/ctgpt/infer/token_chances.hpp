// token_chances: how likely a model held a token to be, and which tokens it held likeliest.
//
// log p(i) = s_i - log sum_j exp(s_j), by the logits alone: temperature 1, no filters, no
// penalties. Of equal ones the lowest id comes first.
// Shapes: logits (V), V the vocabulary in use.
// Ensures: depends on the logits alone.
// Errors: logits that hold NaN or infinity, or nothing but -infinity: error. A logit of -infinity
// is the least number, which JSON can hold.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "ctgpt/infer/completion.hpp"

namespace ctgpt::inline CTGPT_ABI {

namespace detail {

// The k largest, descending: a sorted list that most logits never enter.
inline std::vector<std::int32_t> largest_logits(std::span<const float> logits, std::size_t k) {
  std::vector<std::int32_t> ids;
  ids.reserve(k + 1);
  const auto at = [&](std::int32_t id) { return logits[static_cast<std::size_t>(id)]; };
  for (std::size_t i = 0; i < logits.size() && k > 0; ++i) {
    if (ids.size() == k && !(logits[i] > at(ids.back()))) continue;
    const auto place =
        std::find_if(ids.begin(), ids.end(), [&](std::int32_t id) { return logits[i] > at(id); });
    ids.insert(place, static_cast<std::int32_t>(i));
    if (ids.size() > k) ids.pop_back();
  }
  return ids;
}

}  // namespace detail

// Requires: 0 <= token < logits.size().
inline token_record token_chances(std::span<const float> logits, std::int32_t token, int k) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    expects(logits[i] < std::numeric_limits<float>::infinity(), "the model's logit of token ", i,
            " is ", logits[i], "; its weights are damaged, or its training diverged");
    largest = std::max(largest, static_cast<double>(logits[i]));
  }
  expects(std::isfinite(largest), "the model's logits are all -infinity; its weights are damaged");
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  const double log_sum = largest + std::log(sum);
  const auto chance = [&](std::int32_t id) {
    const double log_probability = logits[static_cast<std::size_t>(id)] - log_sum;
    return token_probability{id, static_cast<float>(std::max<double>(
                                     log_probability, std::numeric_limits<float>::lowest()))};
  };
  token_record record{chance(token), {}};
  const auto most = std::min(logits.size(), static_cast<std::size_t>(std::max(k, 0)));
  for (const std::int32_t id : detail::largest_logits(logits, most)) {
    record.likeliest.push_back(chance(id));
  }
  return record;
}

}  // namespace ctgpt::inline CTGPT_ABI

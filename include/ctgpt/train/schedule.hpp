// schedule: the learning rate of a step.
//
// warm-up:  rate * (step + 1) / (warmup + 1) for step < warmup (nanoGPT's form)
// cosine:   min + (rate - min) (1 + cos(pi x)) / 2, x = (step - warmup) / (total - warmup)
// linear:   rate + (min - rate) x
// constant: rate
// warmup_stable_decay: rate until the share decay_from of all steps, then linear to min
// Steps count from 0. Past the last step the rate is min (constant: rate).
// Errors: parse_schedule() of an unknown name throws usage_error.
// Reference: Loshchilov, Hutter, "SGDR", 2017; Hu et al., "MiniCPM", 2024 (warmup-stable-decay).
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <string_view>

#include "ctgpt/base/error.hpp"
#include "ctgpt/model/presets.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct schedule {
  schedule_kind kind = schedule_kind::constant;
  float rate = 3e-4f;
  float min_rate = 0.0f;
  isize warmup = 0;
  isize total = 0;
  double decay_from = 0.8;

  float at(isize step) const {
    if (step < warmup) {
      return static_cast<float>(static_cast<double>(rate) * static_cast<double>(step + 1) /
                                static_cast<double>(warmup + 1));
    }
    const double high = static_cast<double>(rate), low = static_cast<double>(min_rate);
    double begin = static_cast<double>(warmup);
    if (kind == schedule_kind::warmup_stable_decay) {
      begin = std::max(begin, std::ceil(decay_from * static_cast<double>(total)));
    }
    const double span = static_cast<double>(total) - begin;
    const double past = static_cast<double>(step) - begin;
    const double x = span > 0.0 ? std::clamp(past / span, 0.0, 1.0) : (past < 0.0 ? 0.0 : 1.0);
    switch (kind) {
      case schedule_kind::constant:
        return rate;
      case schedule_kind::cosine:
        return static_cast<float>(low +
                                  (high - low) * 0.5 * (1.0 + std::cos(std::numbers::pi * x)));
      case schedule_kind::linear:
      case schedule_kind::warmup_stable_decay:
        break;
    }
    return static_cast<float>(high + (low - high) * x);
  }
};

inline constexpr std::string_view schedule_names[] = {"cosine", "linear", "constant",
                                                      "warmup-stable-decay"};

inline std::string_view schedule_name(schedule_kind kind) {
  return schedule_names[static_cast<int>(kind)];
}
inline schedule_kind parse_schedule(std::string_view name) {
  for (int i = 0; i < 4; ++i) {
    if (schedule_names[i] == name) return static_cast<schedule_kind>(i);
  }
  throw usage_error(join("unknown schedule \"", name,
                         "\"; choose cosine, linear, constant or warmup-stable-decay"));
}

}  // namespace ctgpt::inline CTGPT_ABI

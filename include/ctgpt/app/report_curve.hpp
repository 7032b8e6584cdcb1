// report_curve: the arithmetic of a picture: fewer points, smoother points, axes with ticks.
//
// decimated(curve, 1000)   of each of so many groups of points the least and the greatest, so that
//                          no extreme is lost; the first and the last point stay
// smoothed(curve, span)    exponential mean: s_i = sum_j (1 - a)^(i - j) v_j over the sum of the
//                          weights, a = 2 / (span + 1), so that the first points are not drawn to 0
// axis                     from values to places between 0 and 1, linear or logarithmic, with ticks
//                          at 1, 2 or 5 times a power of ten
// Errors: none.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "ctgpt/app/report_run.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline curve decimated(const curve& all, std::size_t groups) {
  const std::size_t n = all.size();
  if (n <= 2 * groups) return all;
  curve few;
  const auto add = [&](std::size_t i) {
    const double step = all.steps[i];
    if (few.empty() || few.steps.back() < step) few.add(step, all.values[i]);
  };
  add(0);
  for (std::size_t g = 0; g < groups; ++g) {
    const auto begin = all.values.begin() + static_cast<std::ptrdiff_t>(n * g / groups);
    const auto end = all.values.begin() + static_cast<std::ptrdiff_t>(n * (g + 1) / groups);
    const auto [least, most] = std::minmax_element(begin, end);
    const auto first = static_cast<std::size_t>(std::min(least, most) - all.values.begin());
    const auto second = static_cast<std::size_t>(std::max(least, most) - all.values.begin());
    add(first);
    add(second);
  }
  add(n - 1);
  return few;
}

inline curve smoothed(const curve& all, double span) {
  curve out;
  out.steps = all.steps;
  const double keep = 1.0 - 2.0 / (std::max(span, 1.0) + 1.0);
  double sum = 0.0, weight = 0.0;
  for (const double value : all.values) {
    sum = keep * sum + value;
    weight = keep * weight + 1.0;
    out.values.push_back(sum / weight);
  }
  return out;
}

// Short, as on an axis: 0.0004, 1.5, 12k, 3M.
inline std::string tick_text(double value) {
  const double size = std::fabs(value);
  const char* unit = size >= 1e9 ? "G" : size >= 1e6 ? "M" : size >= 1e4 ? "k" : "";
  if (*unit != '\0') value /= size >= 1e9 ? 1e9 : size >= 1e6 ? 1e6 : 1e3;
  char text[48];
  std::snprintf(text, sizeof text, "%.4g%s", value, unit);
  return text;
}

// The values in [low, high] that are multiples of 1, 2 or 5 times a power of ten: about `wanted`.
inline std::vector<double> linear_ticks(double low, double high, int wanted) {
  const double rough = (high - low) / wanted;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10.0 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough) step = factor * power;
  }
  std::vector<double> ticks;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) {
    ticks.push_back(k * step + 0.0);  // no -0
  }
  return ticks;
}

class axis {
 public:
  // Takes the range from what it must show; a logarithmic axis shows positive values only.
  axis(bool logarithmic, bool from_zero) : log_(logarithmic), zero_(from_zero && !logarithmic) {}
  void show(const curve& line) {
    for (const double value : line.values) show(value);
  }
  void show(double value) {
    if (log_ && value <= 0.0) return;
    low_ = any_ ? std::min(low_, value) : value;
    high_ = any_ ? std::max(high_, value) : value;
    any_ = true;
  }
  // After everything that it must show. `margin` is a share of the range.
  void finish(double margin) {
    if (!any_) low_ = log_ ? 1.0 : 0.0, high_ = log_ ? 10.0 : 1.0;
    if (zero_) low_ = std::min(low_, 0.0);
    double low = scaled(low_), high = scaled(high_);
    if (high - low < 1e-9 * std::max(std::fabs(high), 1e-300)) {  // one value: give it room
      const double room = log_ ? 0.05 : std::max(0.05 * std::fabs(high), 1e-12);
      low -= zero_ ? 0.0 : room;
      high += room;
    }
    const double more = margin * (high - low);
    base_ = low - (zero_ && low_ >= 0.0 ? 0.0 : more);
    range_ = high + more - base_;
  }

  bool shows(double value) const { return !log_ || value > 0.0; }
  double place(double value) const { return (scaled(value) - base_) / range_; }
  double low() const { return unscaled(base_); }
  double high() const { return unscaled(base_ + range_); }

  std::vector<double> ticks() const {
    if (!log_ || range_ < 0.7) return linear_ticks(low(), high(), 6);
    std::vector<double> ticks;
    const double every = std::ceil(range_ / 6.0);  // decades from one tick to the next
    for (double power = std::floor(base_ / every) * every; power <= base_ + range_;
         power += every) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double tick = factor * std::pow(10.0, power);
        const bool wanted = factor == 1.0 || range_ < 3.0;
        if (wanted && tick >= low() && tick <= high()) ticks.push_back(tick);
      }
    }
    return ticks;
  }

 private:
  double scaled(double value) const { return log_ ? std::log10(value) : value; }
  double unscaled(double value) const { return log_ ? std::pow(10.0, value) : value; }

  bool log_, zero_, any_ = false;
  double low_ = 0.0, high_ = 1.0, base_ = 0.0, range_ = 1.0;
};

}  // namespace ctgpt::inline CTGPT_ABI::app

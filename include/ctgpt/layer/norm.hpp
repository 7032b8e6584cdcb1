// layer_norm<W> and rms_norm<W>: every token's row scaled to unit variance or unit mean square.
//
// layer: y = (x - mean) rstd * gain + bias,  rstd = 1 / sqrt(var + eps)
// rms:   y = x rstd * gain,                  rstd = 1 / sqrt(mean(x^2) + eps)
// Backward: with n the normalised row and g = dy * gain,
//   layer: dx = rstd (g - mean(g) - n mean(g n))
//   rms:   dx = rstd (g - n mean(g n))
//   dgain += sum over tokens of dy n;  dbias += sum over tokens of dy
// Shapes: x, y (N,W); gain, bias (W).
// Parameters: gain, bias, each optional.
// Tape: nothing; statistics: mean (layer) and rstd, one each a token.
// Errors: a bias without a gain does not compile.
// Reference: Ba, Kiros, Hinton, "Layer Normalization", 2016; Zhang, Sennrich, "Root Mean Square
// Layer Normalization", 2019.
#pragma once

#include "ctgpt/core/sizes.hpp"
#include "ctgpt/layer/frame.hpp"

namespace ctgpt::inline CTGPT_ABI::parts {

template <isize Width, normalization Kind, bool Gain = true, bool Bias = false>
struct norm_layer : sizes<Width> {
  using sizes<Width>::sizes;
  static_assert(Gain || !Bias, "ctgpt::norm_layer: a bias needs a gain");

  static constexpr isize in_width = Width, out_width = Width;
  constexpr isize input() const { return this->template at<0>(); }
  constexpr isize output() const { return input(); }

  static constexpr int slot_count = (Gain ? 1 : 0) + (Bias ? 1 : 0);
  constexpr slot_list<slot_count> slots() const {
    if constexpr (!Gain) {
      return {};
    } else {
      const slot_list<1> gains{{vector_slot(part::gain, input(), initializer::ones)}};
      if constexpr (Bias) {
        return gains + slot_list<1>{{vector_slot(part::bias, input(), initializer::zeros)}};
      } else {
        return gains;
      }
    }
  }
  constexpr isize tape() const { return 0; }
  constexpr isize statistics() const { return 2; }
  constexpr isize scratch() const { return 0; }

  void forward(ops& run, const frame& f, rows<Width> x, rows<Width> y) const {
    vector<Width> gain{}, bias{};
    if constexpr (Gain) gain = f.vector_weight<Width>(0);
    if constexpr (Bias) bias = f.vector_weight<Width>(1);
    run.norm(y, x, gain, bias, mean(f), f.statistic(1, 1), Kind, f.shared->norm_epsilon);
  }
  void backward(ops& run, const frame& f, rows<Width> x, rows<Width> dy, rows<Width> dx) const {
    vector<Width> gain{}, dgain{}, dbias{};
    if constexpr (Gain) gain = f.vector_weight<Width>(0), dgain = f.vector_gradient<Width>(0);
    if constexpr (Bias) dbias = f.vector_gradient<Width>(1);
    run.norm_backward(dx, dy, x, gain, mean(f), f.statistic(1, 1), dgain, dbias, Kind);
  }

 private:
  static tensor mean(const frame& f) {
    return Kind == normalization::layer ? f.statistic(0, 1) : tensor{};
  }
};

template <isize Width, bool Bias = true>
struct layer_norm : norm_layer<Width, normalization::layer, true, Bias> {
  using norm_layer<Width, normalization::layer, true, Bias>::norm_layer;
};
template <isize Width, bool Gain = true>
struct rms_norm : norm_layer<Width, normalization::rms, Gain, false> {
  using norm_layer<Width, normalization::rms, Gain, false>::norm_layer;
};

}  // namespace ctgpt::inline CTGPT_ABI::parts

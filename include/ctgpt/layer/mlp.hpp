// feed_forward<W, F, Kind>: the two-layer MLP of a block; swiglu<W, F> is its gated form.
//
// z = x U^T + u;  h = act(z);  y = h D^T + d
// swiglu: z = [g v] = x U^T + u, gate and up side by side;  h = silu(g) * v
// Backward: dh = dy D;  dD += dy^T h;  dd += sum over tokens of dy;
//           dz = act'(z) dh;  dx = dz U;  dU += dz^T x;  du += sum over tokens of dz
// Shapes: x, y (N,W); U (F,W), swiglu: (2F,W); D (W,F).
// Parameters: up.weight, up.bias, down.weight, down.bias (biases with Bias).
// Tape: z (F, swiglu 2F) and h (F); scratch: dh (F), swiglu also dz (2F).
// Errors: widths that do not fit do not compile.
// Reference: Vaswani et al., "Attention Is All You Need", 2017; Shazeer, "GLU Variants Improve
// Transformer", 2020.
#pragma once

#include "ctgpt/layer/linear.hpp"

namespace ctgpt::inline CTGPT_ABI::parts {

template <isize Width, isize Hidden, activation Kind, bool Bias = true>
struct feed_forward : sizes<Width, Hidden> {
  using sizes<Width, Hidden>::sizes;
  static constexpr bool gated = Kind == activation::swiglu;
  static constexpr isize inner = Hidden == dyn ? dyn : (gated ? 2 : 1) * Hidden;
  static constexpr isize in_width = Width, out_width = Width;
  constexpr isize input() const { return this->template at<0>(); }
  constexpr isize output() const { return input(); }
  constexpr isize hidden() const { return this->template at<1>(); }
  constexpr isize before() const { return (gated ? 2 : 1) * hidden(); }

  static constexpr int slot_count = Bias ? 4 : 2;
  constexpr auto slots() const {
    const slot_list<1> up{{matrix_slot(part::weight, before(), input())}};
    const slot_list<1> down{{matrix_slot(part::weight, output(), hidden(), initializer::residual)}};
    if constexpr (Bias) {
      const slot_list<1> up_bias{{vector_slot(part::bias, before(), initializer::zeros)}};
      const slot_list<1> down_bias{{vector_slot(part::bias, output(), initializer::zeros)}};
      return (up + up_bias).within(part::up) + (down + down_bias).within(part::down);
    } else {
      return up.within(part::up) + down.within(part::down);
    }
  }
  constexpr isize tape() const { return before() + hidden(); }
  constexpr isize statistics() const { return 0; }
  constexpr isize scratch() const { return hidden() + (gated ? before() : 0); }

  void forward(ops& run, const frame& f, rows<Width> x, rows<Width> y) const {
    const rows<inner> z = f.kept<inner>(0, before());
    const rows<Hidden> h = f.kept<Hidden>(before(), hidden());
    if constexpr (gated) {
      run.linear(z, x, f.weight<inner, Width>(up), up_bias(f));
      run.activate(h, z, Kind);
    } else {
      run.linear(h, x, f.weight<inner, Width>(up), up_bias(f), Kind, z);
    }
    vector<Width> bias{};
    if constexpr (Bias) bias = f.vector_weight<Width>(down + 1);
    run.linear(y, h, f.weight<Width, Hidden>(down), bias);
  }

  void backward(ops& run, const frame& f, rows<Width> x, rows<Width> dy, rows<Width> dx) const {
    const rows<inner> z = f.kept<inner>(0, before());
    const rows<Hidden> h = f.kept<Hidden>(before(), hidden());
    const rows<Hidden> dh = f.temporary<Hidden>(0, hidden());
    const rows<inner> dz = f.temporary<inner>(gated ? hidden() : 0, before());  // in place if plain
    vector<Width> down_gradient{};
    vector<inner> up_gradient{};
    if constexpr (Bias) {
      down_gradient = f.vector_gradient<Width>(down + 1);
      up_gradient = f.vector_gradient<inner>(up + 1);
    }
    run.linear_weight_gradient(f.gradient<Width, Hidden>(down), down_gradient, dy, h);
    run.linear_input_gradient(dh, dy, f.weight<Width, Hidden>(down));
    run.activate_backward(dz, dh, z, Kind);
    run.linear_weight_gradient(f.gradient<inner, Width>(up), up_gradient, dz, x);
    if (dx) run.linear_input_gradient(dx, dz, f.weight<inner, Width>(up));
  }

 private:
  static constexpr int up = 0, down = Bias ? 2 : 1;
  static vector<inner> up_bias(const frame& f) {
    if constexpr (Bias) {
      return f.vector_weight<inner>(up + 1);
    } else {
      (void)f;
      return {};
    }
  }
};

template <isize Width, isize Hidden, bool Bias = false>
struct swiglu : feed_forward<Width, Hidden, activation::swiglu, Bias> {
  using feed_forward<Width, Hidden, activation::swiglu, Bias>::feed_forward;
};

}  // namespace ctgpt::inline CTGPT_ABI::parts

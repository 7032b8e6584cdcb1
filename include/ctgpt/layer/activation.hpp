// Elementwise layers without parameters: activate<W, Kind> and dropout<W>.
//
// gelu:         y = x Phi(x)
// gelu_tanh:    y = 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
// relu_squared: y = max(x, 0)^2
// dropout:      y = x * keep / (1 - rate) while training, else y = x; `keep` is drawn by the
//               counter-based generator at this layer's site, the rate is the run's
// Backward: dx = act'(x) dy; dropout: the same mask applied to dy.
// Shapes: x, y (N,W).
// Tape: nothing; the input comes from whoever holds it, the mask is drawn again.
// Errors: activate with none or swiglu does not compile.
// Reference: Hendrycks, Gimpel, "Gaussian Error Linear Units", 2016; So et al., "Primer", 2021
// (squared ReLU); Srivastava et al., "Dropout", 2014.
#pragma once

#include "ctgpt/core/sizes.hpp"
#include "ctgpt/layer/frame.hpp"

namespace ctgpt::inline CTGPT_ABI::parts {

// What layers without parameters, tape and scratch share.
template <isize Width>
struct plain_layer : sizes<Width> {
  using sizes<Width>::sizes;
  static constexpr isize in_width = Width, out_width = Width;
  constexpr isize input() const { return this->template at<0>(); }
  constexpr isize output() const { return input(); }
  static constexpr int slot_count = 0;
  constexpr slot_list<0> slots() const { return {}; }
  constexpr isize tape() const { return 0; }
  constexpr isize statistics() const { return 0; }
  constexpr isize scratch() const { return 0; }
};

template <isize Width, activation Kind>
struct activate : plain_layer<Width> {
  using plain_layer<Width>::plain_layer;
  static_assert(Kind != activation::none && Kind != activation::swiglu,
                "ctgpt::activate: swiglu halves the width; use the swiglu layer of mlp.hpp");

  void forward(ops& run, const frame&, rows<Width> x, rows<Width> y) const {
    run.activate(y, x, Kind);
  }
  void backward(ops& run, const frame&, rows<Width> x, rows<Width> dy, rows<Width> dx) const {
    run.activate_backward(dx, dy, x, Kind);
  }
};

template <isize Width>
struct dropout : plain_layer<Width> {
  using plain_layer<Width>::plain_layer;
  void forward(ops& run, const frame& f, rows<Width> x, rows<Width> y) const {
    apply(run, f, x, y);
  }
  void backward(ops& run, const frame& f, rows<Width>, rows<Width> dy, rows<Width> dx) const {
    apply(run, f, dy, dx);
  }

 private:
  static void apply(ops& run, const frame& f, rows<Width> x, rows<Width> y) {
    if (f.shared->training && f.shared->dropout > 0.0f) {
      run.dropout(y, x, {}, f.shared->random, f.site, f.shared->dropout);
    } else {
      run.copy(y, x);
    }
  }
};

}  // namespace ctgpt::inline CTGPT_ABI::parts

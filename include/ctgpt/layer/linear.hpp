// linear<In, Out>: y = x W^T + b for every token.
//
// Backward: dx = dy W;  dW += dy^T x;  db += sum over tokens of dy.
// Shapes: x (N,In), y (N,Out), W (Out,In), b (Out).
// Parameters: weight, bias (with Bias).
// Tape: nothing; the input comes from whoever holds it.
// Errors: widths that do not fit do not compile.
#pragma once

#include "ctgpt/core/sizes.hpp"
#include "ctgpt/layer/frame.hpp"

namespace ctgpt::inline CTGPT_ABI::parts {

template <isize In, isize Out, bool Bias = true, initializer Start = initializer::normal>
struct linear : sizes<In, Out> {
  using sizes<In, Out>::sizes;
  static constexpr isize in_width = In, out_width = Out;
  constexpr isize input() const { return this->template at<0>(); }
  constexpr isize output() const { return this->template at<1>(); }

  static constexpr int slot_count = Bias ? 2 : 1;
  constexpr slot_list<slot_count> slots() const {
    const slot_list<1> weights{{matrix_slot(part::weight, output(), input(), Start)}};
    if constexpr (Bias) {
      return weights + slot_list<1>{{vector_slot(part::bias, output(), initializer::zeros)}};
    } else {
      return weights;
    }
  }
  constexpr isize tape() const { return 0; }
  constexpr isize statistics() const { return 0; }
  constexpr isize scratch() const { return 0; }

  void forward(ops& run, const frame& f, rows<In> x, rows<Out> y) const {
    run.linear(y, x, f.weight<Out, In>(0), bias(f));
  }
  void backward(ops& run, const frame& f, rows<In> x, rows<Out> dy, rows<In> dx) const {
    if (dx) run.linear_input_gradient(dx, dy, f.weight<Out, In>(0));
    vector<Out> db{};
    if constexpr (Bias) db = f.vector_gradient<Out>(1);
    run.linear_weight_gradient(f.gradient<Out, In>(0), db, dy, x);
  }

 private:
  static vector<Out> bias(const frame& f) {
    if constexpr (Bias) {
      return f.vector_weight<Out>(1);
    } else {
      (void)f;
      return {};
    }
  }
};

}  // namespace ctgpt::inline CTGPT_ABI::parts

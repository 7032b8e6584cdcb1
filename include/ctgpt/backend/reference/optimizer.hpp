// The reference kernels of the optimiser: clip and AdamW, as kernel_table.hpp words them.
//
// clip: factor = min(1, maximum / (sqrt(squares) + 1e-6)); 1 without a maximum; NaN stays NaN.
// normalize: factor = maximum / max(sqrt(squares), 1e-7).
// adamw: g = factor gradient; m += (1 - beta1) (g - m); v += (1 - beta2) (g^2 - v);
//        w -= rate (m / correction1 / (sqrt(v / correction2) + epsilon) + decay w).
// The truth is `master` when there is one; `weights` then receives its rounded copy.
// Shapes: everything (1,N); segments (S,3) u32; numbers (1,optimizer_fields) f32 in every table.
// Errors: an element type that S cannot be stored in throws ctgpt::error.
// Reference: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
#pragma once

#include "ctgpt/backend/reference/scalar.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <class S>
struct reference_optimizer {
  static void clip(context*, const clip_args& args) {
    // Never differentiated, and stored as f32: the real part is all there is.
    const double squares = real_part(reads<wide<S>>(args.squares)(0, 0));
    const writes<double> numbers(args.numbers);
    const double maximum = numbers(0, maximum_norm);
    const double norm = std::sqrt(squares);
    if (args.normalize) {
      numbers.set(0, clip_factor, maximum / (norm < 1e-7 ? 1e-7 : norm));
      return;
    }
    const double ratio = maximum / (norm + 1e-6);
    numbers.set(0, clip_factor, maximum <= 0.0 || ratio > 1.0 ? 1.0 : ratio);
  }

  static void adamw(context*, const adamw_args& args) {
    using std::sqrt;
    const writes<S> weights(args.weights), master(args.master), gradient(args.gradient);
    const writes<S> moment1(args.moment1), moment2(args.moment2);
    const reads<S> numbers(args.numbers);
    const auto number = [&](optimizer_field field) { return numbers(0, field); };
    const S one = scalar<S>(1.0);
    isize segment = 0;
    for (isize i = 0; i < args.weights.cols; ++i) {
      while (segment + 1 < args.segments.rows && segment_begin(args.segments, segment + 1) <= i) {
        ++segment;
      }
      const S g = number(clip_factor) * gradient(0, i);
      S w = master ? master(0, i) : weights(0, i), m = moment1(0, i), v = moment2(0, i);
      m += (one - number(beta1)) * (g - m);
      v += (one - number(beta2)) * (g * g - v);
      S step = m / number(correction1) / (sqrt(v / number(correction2)) + number(epsilon));
      if (segment_decays(args.segments, segment)) step += number(weight_decay) * w;
      w -= number(learning_rate) * step;
      if (master) master.set(0, i, w);
      weights.set(0, i, w);
      moment1.set(0, i, m);
      moment2.set(0, i, v);
      gradient.set(0, i, scalar<S>(0.0));
    }
  }

 private:
  static const std::uint32_t* segment_row(const tensor& segments, isize row) {
    return static_cast<const std::uint32_t*>(segments.data) + row * segments.stride;
  }
  static isize segment_begin(const tensor& segments, isize row) {
    const std::uint32_t* fields = segment_row(segments, row);
    return static_cast<isize>(fields[0]) | static_cast<isize>(fields[1]) << 32;
  }
  static bool segment_decays(const tensor& segments, isize row) {
    return segment_row(segments, row)[2] != 0;
  }
};

}  // namespace ctgpt::inline CTGPT_ABI

// The reference kernels that treat every element alone: fill, convert, add, combine,
// dropout, activations, soft-cap; and the two sums over a whole tensor.
//
// gelu(x) = x (1 + erf(x / sqrt 2)) / 2
// gelu_tanh(x) = x (1 + tanh u) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3)
// relu_squared(x) = max(x, 0)^2;  silu(x) = x / (1 + exp(-x));  swiglu(a, b) = silu(a) b
// Backward: gelu' = (1 + erf(x / sqrt 2)) / 2 + x exp(-x^2 / 2) / sqrt(2 pi)
//           gelu_tanh' = (1 + tanh u) / 2 + x (1 - tanh^2 u) u' / 2
//           u' = sqrt(2 / pi) (1 + 0.134145 x^2)
//           silu' = s (1 + x (1 - s)), s = 1 / (1 + exp(-x))
// A NaN stays a NaN in all of them.
// Errors: swiglu as a function of one element throws ctgpt::error, as does an element type that a
// kernel cannot store.
// Reference: Hendrycks, Gimpel, "Gaussian Error Linear Units", 2016; Shazeer, "GLU Variants
// Improve Transformer", 2020; So et al., "Primer", 2021 (squared ReLU).
#pragma once

#include "ctgpt/backend/reference/scalar.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <class S>
S sigmoid(const S& x) {
  using std::exp;
  return scalar<S>(1.0) / (scalar<S>(1.0) + exp(-x));
}

template <class S>
S activation_value(activation act, const S& x) {
  using std::tanh;
  const S one = scalar<S>(1.0), half = scalar<S>(0.5);
  switch (act) {
    case activation::none:
      return x;
    case activation::gelu:
      return half * x * (one + erf_of(x * scalar<S>(0.70710678118654752440)));
    case activation::gelu_tanh: {
      const S u = scalar<S>(0.79788456080286535588) * (x + scalar<S>(0.044715) * x * x * x);
      return half * x * (one + tanh(u));
    }
    case activation::relu_squared:
      return real_part(x) <= 0.0 ? scalar<S>(0.0) : x * x;
    case activation::swiglu:
      break;
  }
  fail("swiglu needs two inputs an output; call activate() for it");
}

template <class S>
S activation_slope(activation act, const S& x) {
  using std::exp;
  using std::tanh;
  const S one = scalar<S>(1.0), half = scalar<S>(0.5);
  switch (act) {
    case activation::none:
      return one;
    case activation::gelu:
      return half * (one + erf_of(x * scalar<S>(0.70710678118654752440))) +
             scalar<S>(0.39894228040143267794) * x * exp(-half * x * x);
    case activation::gelu_tanh: {
      const S root = scalar<S>(0.79788456080286535588);
      const S t = tanh(root * (x + scalar<S>(0.044715) * x * x * x));
      return half * (one + t) +
             half * x * (one - t * t) * root * (one + scalar<S>(0.134145) * x * x);
    }
    case activation::relu_squared:
      return real_part(x) <= 0.0 ? scalar<S>(0.0) : scalar<S>(2.0) * x;
    case activation::swiglu:
      break;
  }
  fail("swiglu needs two inputs an output; call activate_backward() for it");
}

template <class S>
struct reference_elementwise {
  static void fill(context*, const fill_args& args) {
    const tensor& dst = args.dst;
    const bool blocks = dst.type == element::q8_0 || dst.type == element::q4_0;
    for (isize r = 0; r < dst.rows; ++r) {
      if (blocks) {  // only zero makes sense: a block of zero bytes
        auto* bytes =
            static_cast<std::uint8_t*>(dst.data) + element_bytes(dst.type, r * dst.stride);
        expects(args.value == 0.0, "a quantised tensor can only be filled with zero");
        for (isize i = 0; i < element_bytes(dst.type, dst.cols); ++i) bytes[i] = 0;
        continue;
      }
      for (isize c = 0; c < dst.cols; ++c) fill_one(dst, r, c, args.value);
    }
  }

  static void convert(context*, const convert_args& args) {
    const reads<S> src(args.src);
    const writes<S> dst(args.dst);
    const bool blocks = args.dst.type == element::q8_0 || args.dst.type == element::q4_0;
    for (isize r = 0; r < args.dst.rows; ++r) {
      if (blocks) {
        copy_blocks(args.dst, args.src, r);
        continue;
      }
      for (isize c = 0; c < args.dst.cols; ++c) dst.set(r, c, src(r, c));
    }
  }

  static void add(context*, const add_args& args) {
    const reads<S> a(args.a), b(args.b);
    const writes<S> y(args.y);
    for (isize r = 0; r < args.y.rows; ++r) {
      for (isize c = 0; c < args.y.cols; ++c) y.set(r, c, a(r, c) + b(r, c));
    }
  }

  static void combine(context*, const combine_args& args) {
    const reads<S> a(args.a), b(args.b), factors(args.factors);
    const writes<S> y(args.y);
    for (isize r = 0; r < args.y.rows; ++r) {
      for (isize c = 0; c < args.y.cols; ++c) {
        const S first = factors(0, 0) * a(r, c);
        y.set(r, c, b ? first + factors(0, 1) * b(r, c) : first);
      }
    }
  }

  static void dropout(context*, const dropout_args& args) {
    const reads<S> x(args.x), residual(args.residual);
    const writes<S> y(args.y);
    const dropout_mask<S> mask(args.random, args.site, args.rate);
    const isize pitch = round_up_16(args.y.cols);
    for (isize r = 0; r < args.y.rows; ++r) {
      for (isize c = 0; c < args.y.cols; ++c) {
        const S kept = mask(r * pitch + c) * x(r, c);
        y.set(r, c, residual ? kept + residual(r, c) : kept);
      }
    }
  }

  static void activate(context*, const activation_args& args) {
    const reads<S> x(args.x);
    const writes<S> y(args.y);
    for (isize r = 0; r < args.y.rows; ++r) {
      for (isize c = 0; c < args.y.cols; ++c) {
        if (args.act == activation::swiglu) {
          y.set(r, c, x(r, c) * sigmoid(x(r, c)) * x(r, c + args.y.cols));
        } else {
          y.set(r, c, activation_value(args.act, x(r, c)));
        }
      }
    }
  }

  static void activate_backward(context*, const activation_backward_args& args) {
    const reads<S> x(args.x), dy(args.dy);
    const writes<S> dx(args.dx);
    const isize width = args.dy.cols;
    const S one = scalar<S>(1.0);
    for (isize r = 0; r < args.dy.rows; ++r) {
      for (isize c = 0; c < width; ++c) {
        if (args.act == activation::swiglu) {
          const S a = x(r, c), b = x(r, c + width), s = sigmoid(a), g = dy(r, c);
          dx.set(r, c, g * b * s * (one + a * (one - s)));
          dx.set(r, c + width, g * a * s);
        } else {
          dx.set(r, c, activation_slope(args.act, x(r, c)) * dy(r, c));
        }
      }
    }
  }

  static void softcap(context*, const softcap_args& args) {
    using std::tanh;
    const writes<S> x(args.x);
    const S cap = scalar<S>(args.cap);
    for (isize r = 0; r < args.x.rows; ++r) {
      for (isize c = 0; c < args.x.cols; ++c) x.set(r, c, cap * tanh(x(r, c) / cap));
    }
  }

  static void sum(context*, const sum_args& args) {
    const writes<wide<S>> out(args.out);
    const wide<S> total = scalar<wide<S>>(args.factor) * accumulate<false>(args.x);
    out.set(0, 0, args.accumulate ? out(0, 0) + total : total);
  }

  static void square_sum(context*, const square_sum_args& args) {
    writes<wide<S>>(args.out).set(0, 0, accumulate<true>(args.x));
  }

 private:
  static void fill_one(const tensor& dst, isize r, isize c, double value) {
    if (dst.type == element::complex128) {
      writes<std::complex<double>>(dst).set(r, c, value);
    } else {
      writes<double>(dst).set(r, c, value);
    }
  }

  static void copy_blocks(const tensor& dst, const tensor& src, isize r) {
    expects(dst.type == src.type, "convert() cannot make ", element_name(dst.type), " from ",
            element_name(src.type), "; quantise on the host (base/blocks.hpp) and upload");
    const auto* from = static_cast<const std::uint8_t*>(src.data);
    auto* to = static_cast<std::uint8_t*>(dst.data);
    for (isize i = 0; i < element_bytes(dst.type, dst.cols); ++i) {
      to[element_bytes(dst.type, r * dst.stride) + i] =
          from[element_bytes(src.type, r * src.stride) + i];
    }
  }

  template <bool Square>
  static wide<S> accumulate(const tensor& t) {
    const reads<wide<S>> x(t);
    wide<S> total = scalar<wide<S>>(0.0);
    for (isize r = 0; r < t.rows; ++r) {
      for (isize c = 0; c < t.cols; ++c) total += Square ? x(r, c) * x(r, c) : x(r, c);
    }
    return total;
  }
};

}  // namespace ctgpt::inline CTGPT_ABI

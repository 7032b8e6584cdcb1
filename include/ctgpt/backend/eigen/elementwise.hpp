// The Eigen kernels that treat every element alone, the sums over a tensor, and AdamW.
//
// The mathematics is that of reference/elementwise.hpp and reference/optimizer.hpp, as array
// expressions. The exact GELU goes through std::erf, which Eigen's core does not vectorise.
// Threads: rows (in AdamW blocks of 4096 elements) are shared out; no result depends on how.
// Errors: an element type that the backend does not compute on, and swiglu as a function of one
// element, throw ctgpt::error.
// Reference: as reference/elementwise.hpp and reference/optimizer.hpp.
#pragma once

#include "ctgpt/backend/eigen/map.hpp"
#include "ctgpt/backend/reference/elementwise.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct eigen_elementwise {
  // y = act(x), not swiglu; y may be x.
  static void apply(activation act, const eigen_const_row& x, eigen_row y) {
    switch (act) {
      case activation::none:
        if (y.data() != x.data()) y = x;
        return;
      case activation::gelu:
        y = x.unaryExpr([](float v) { return activation_value(activation::gelu, v); });
        return;
      case activation::gelu_tanh:
        y = 0.5f * x * (1.0f + (0.79788456f * (x + 0.044715f * x.cube())).tanh());
        return;
      case activation::relu_squared:
        y = (x <= 0.0f).select(0.0f, x.square());
        return;
      case activation::swiglu:
        fail("swiglu needs two inputs an output; call activate() for it");
    }
  }

  static void fill(context* state, const fill_args& args) {
    if (args.dst.type != element::f32) return reference_elementwise<float>::fill(state, args);
    as_eigen(args.dst).setConstant(static_cast<float>(args.value));
  }

  static void convert(context* state, const convert_args& args) {
    const bool plain = is_wide(args.dst) && is_wide(args.src);
    if (!plain) return reference_elementwise<float>::convert(state, args);
    each_row(state, args.dst, 1, [&](isize r, float* buffer) {
      written_row y(args.dst, r, 0, args.dst.cols, buffer);
      y.values = read_row(args.src, r, 0, args.dst.cols, buffer);
      y.store();
    });
  }

  static void add(context* state, const add_args& args) {
    const isize n = args.y.cols;
    each_row(state, args.y, 3, [&](isize r, float* buffer) {
      written_row y(args.y, r, 0, n, buffer);
      y.values = read_row(args.a, r, 0, n, buffer + n) + read_row(args.b, r, 0, n, buffer + 2 * n);
      y.store();
    });
  }

  static void combine(context* state, const combine_args& args) {
    const isize n = args.y.cols;
    const auto* factors = static_cast<const float*>(args.factors.data);
    each_row(state, args.y, 3, [&](isize r, float* buffer) {
      written_row y(args.y, r, 0, n, buffer);
      const eigen_const_row a = read_row(args.a, r, 0, n, buffer + n);
      if (args.b.data != nullptr) {
        y.values = factors[0] * a + factors[1] * read_row(args.b, r, 0, n, buffer + 2 * n);
      } else {
        y.values = factors[0] * a;
      }
      y.store();
    });
  }

  static void activate(context* state, const activation_args& args) {
    const isize n = args.y.cols;
    each_row(state, args.y, 3, [&](isize r, float* buffer) {
      written_row y(args.y, r, 0, n, buffer);
      const eigen_const_row x = read_row(args.x, r, 0, n, buffer + n);
      if (args.act == activation::swiglu) {
        y.values = x * read_row(args.x, r, n, n, buffer + 2 * n) / (1.0f + (-x).exp());
      } else {
        apply(args.act, x, y.values);
      }
      y.store();
    });
  }

  static void activate_backward(context* state, const activation_backward_args& args) {
    const isize n = args.dy.cols;
    each_row(state, args.dy, 6, [&](isize r, float* buffer) {
      const eigen_const_row dy = read_row(args.dy, r, 0, n, buffer);
      const eigen_const_row x = read_row(args.x, r, 0, n, buffer + n);
      written_row dx(args.dx, r, 0, n, buffer + 2 * n);
      if (args.act == activation::swiglu) {
        const eigen_const_row gate = read_row(args.x, r, n, n, buffer + 3 * n);
        written_row dgate(args.dx, r, n, n, buffer + 4 * n);
        eigen_row sigmoid(buffer + 5 * n, n);
        sigmoid = 1.0f / (1.0f + (-x).exp());
        dx.values = dy * gate * sigmoid * (1.0f + x * (1.0f - sigmoid));
        dgate.values = dy * x * sigmoid;
        dgate.store();
      } else {
        slope(args.act, x, dy, dx.values);
      }
      dx.store();
    });
  }

  static void softcap(context* state, const softcap_args& args) {
    const isize n = args.x.cols;
    each_row(state, args.x, 2, [&](isize r, float* buffer) {
      written_row x(args.x, r, 0, n, buffer);
      x.values = args.cap * (read_row(args.x, r, 0, n, buffer + n) / args.cap).tanh();
      x.store();
    });
  }

  static void sum(context* state, const sum_args& args) {
    double total = 0.0;
    buffered_rows(state, args.x,
                  [&](const eigen_const_row& x) { total += x.cast<double>().sum(); });
    auto& out = *static_cast<double*>(args.out.data);
    out = (args.accumulate ? out : 0.0) + args.factor * total;
  }

  static void square_sum(context* state, const square_sum_args& args) {
    double total = 0.0;
    buffered_rows(state, args.x,
                  [&](const eigen_const_row& x) { total += x.cast<double>().square().sum(); });
    *static_cast<double*>(args.out.data) = total;
  }

  static void adamw(context* state, const adamw_args& args) {
    const auto* starts = static_cast<const std::uint32_t*>(args.segments.data);
    const auto begin_of = [&](isize s) {
      const std::uint32_t* fields = starts + s * args.segments.stride;
      return static_cast<isize>(fields[0]) | static_cast<isize>(fields[1]) << 32;
    };
    // Cut at absolute multiples of the block: Eigen computes the ends of an array another way than
    // its middle, so where an array ends may not depend on the workers.
    const isize block = 4096;
    eigen_ranges(state, args.weights.cols, block, block, [&](range mine, float* buffer) {
      for (isize s = 0; s < args.segments.rows; ++s) {
        const isize last = s + 1 < args.segments.rows ? begin_of(s + 1) : args.weights.cols;
        const isize end = std::min(mine.end, last);
        const bool decays = starts[s * args.segments.stride + 2] != 0;
        for (isize i = std::max(mine.begin, begin_of(s)); i < end;) {
          const isize next = std::min(end, (i / block + 1) * block);
          update(args, decays, i, next - i, buffer);
          i = next;
        }
      }
    });
  }

 private:
  static bool is_wide(const tensor& t) { return t.type == element::f32 || t.type == element::bf16; }

  static void slope(activation act, const eigen_const_row& x, const eigen_const_row& dy,
                    eigen_row dx) {
    if (act == activation::gelu_tanh) {
      const auto t = (0.79788456f * (x + 0.044715f * x.cube())).tanh();
      dx = dy * (0.5f * (1.0f + t) +
                 0.5f * x * (1.0f - t.square()) * 0.79788456f * (1.0f + 0.134145f * x.square()));
    } else {
      dx = dy * x.unaryExpr([act](float v) { return activation_slope(act, v); });
    }
  }

  // body(row, buffer) for every row of t, with a buffer of `rows` times its width.
  template <class F>
  static void each_row(context* state, const tensor& t, isize rows, const F& body) {
    eigen_ranges(state, t.rows, 1, rows * t.cols, [&](range mine, float* buffer) {
      for (isize r = mine.begin; r < mine.end; ++r) body(r, buffer);
    });
  }
  template <class F>
  static void buffered_rows(context* state, const tensor& t, const F& body) {
    float* buffer = eigen_shared(state, t.cols);
    for (isize r = 0; r < t.rows; ++r) body(read_row(t, r, 0, t.cols, buffer));
  }

  static void update(const adamw_args& args, bool decays, isize first, isize count, float* buffer) {
    const auto* number = static_cast<const float*>(args.numbers.data);
    const tensor& truth = args.master ? args.master : args.weights;
    written_row w(truth, 0, first, count, buffer);
    const auto at = [&](const tensor& t) {
      return eigen_row(static_cast<float*>(eigen_address(t, 0, first)), count);
    };
    eigen_row g = at(args.gradient), m = at(args.moment1), v = at(args.moment2);
    if (truth.type == element::bf16) w.values = read_row(truth, 0, first, count, buffer);
    g *= number[clip_factor];
    m += (1.0f - number[beta1]) * (g - m);
    v += (1.0f - number[beta2]) * (g.square() - v);
    g = m / number[correction1] / ((v / number[correction2]).sqrt() + number[epsilon]);
    if (decays) g += number[weight_decay] * w.values;
    w.values -= number[learning_rate] * g;
    g.setZero();
    w.store();
    if (args.master) {
      written_row rounded(args.weights, 0, first, count, buffer);
      rounded.values = w.values;
      rounded.store();
    }
  }
};

}  // namespace ctgpt::inline CTGPT_ABI

// The Eigen kernels along a row: normalisations, rotary positions, cross entropy.
//
// The mathematics is that of reference/rows.hpp, as array expressions; embedding has nothing to
// gain from Eigen and comes from there.
// Threads: rows are shared out. dgain and dbias are a pass of their own in which columns are
// shared out, so that each is one chain over the rows.
// Errors: an element type that the backend does not compute on throws ctgpt::error.
// Reference: as reference/rows.hpp.
#pragma once

#include "ctgpt/backend/eigen/map.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct eigen_rows {
  static void norm(context* state, const norm_args& args) {
    const isize n = args.x.cols / args.groups;
    const bool centred = args.kind == normalization::layer;
    each_part(state, args.x, args.groups, 3, [&](isize r, isize g, float* buffer) {
      const eigen_const_row x = read_row(args.x, r, g * n, n, buffer);
      written_row y(args.y, r, g * n, n, buffer + n);
      const float mean = centred ? x.sum() / static_cast<float>(n) : 0.0f;
      const float variance = (x - mean).square().sum() / static_cast<float>(n);
      const float rstd = 1.0f / std::sqrt(variance + args.epsilon);
      y.values = (x - mean) * rstd;
      if (args.gain) y.values *= read_row(args.gain, 0, 0, n, buffer + 2 * n);
      if (args.bias) y.values += read_row(args.bias, 0, 0, n, buffer + 2 * n);
      y.store();
      if (args.mean && centred) statistic(args.mean, r, g) = mean;
      if (args.rstd) statistic(args.rstd, r, g) = rstd;
    });
  }

  static void norm_backward(context* state, const norm_backward_args& args) {
    parameter_gradients(state, args);  // first: dx may be dy
    const isize n = args.x.cols / args.groups;
    const bool centred = args.kind == normalization::layer;
    each_part(state, args.x, args.groups, 4, [&](isize r, isize g, float* buffer) {
      const float mean = centred ? statistic(args.mean, r, g) : 0.0f;
      const float rstd = statistic(args.rstd, r, g);
      eigen_row inner(buffer, n), hat(buffer + n, n);
      inner = read_row(args.dy, r, g * n, n, buffer + 2 * n);
      hat = (read_row(args.x, r, g * n, n, buffer + 2 * n) - mean) * rstd;
      if (args.gain) inner *= read_row(args.gain, 0, 0, n, buffer + 2 * n);
      const float sum = centred ? inner.sum() / static_cast<float>(n) : 0.0f;
      const float projection = (inner * hat).sum() / static_cast<float>(n);
      written_row dx(args.dx, r, g * n, n, buffer + 3 * n);
      dx.values = rstd * (inner - sum - hat * projection);
      dx.store();
    });
  }

  static void rope(context* state, const rope_args& args) {
    const isize size = args.x.cols / args.heads, half = size / 2;
    each_part(state, args.x, args.heads, 4, [&](isize r, isize h, float* buffer) {
      const isize position = position_of(args.positions, r, args.time);
      const eigen_const_row cosine = read_row(args.angles, position, 0, half, buffer);
      const eigen_const_row sine = read_row(args.angles, position, half, half, buffer);
      const float sign = args.inverse ? -1.0f : 1.0f;
      eigen_row a(buffer, half), b(buffer + half, half);
      a = read_row(args.x, r, h * size, half, buffer + size);
      b = read_row(args.x, r, h * size + half, half, buffer + size);
      written_row low(args.x, r, h * size, half, buffer + 2 * size);
      written_row high(args.x, r, h * size + half, half, buffer + 3 * size);
      low.values = a * cosine - sign * b * sine;
      high.values = b * cosine + sign * a * sine;
      low.store();
      high.store();
    });
  }

  static void cross_entropy(context* state, const cross_entropy_args& args) {
    const isize n = args.logits.cols;
    const float factor = *static_cast<const float*>(args.scale.data), cap = args.softcap;
    each_part(state, args.logits, 1, 3, [&](isize r, isize, float* buffer) {
      const isize target = integer_at(args.targets, r);
      float& loss = *static_cast<float*>(eigen_address(args.losses, 0, r));
      const bool scored = target >= 0 && target < n;
      loss = target < 0 ? 0.0f : not_a_number<float>();
      written_row logits(args.logits, r, 0, n, buffer);
      if (!scored) {
        if (args.gradient) logits.values.setConstant(loss);
        if (args.gradient) logits.store();
        return;
      }
      eigen_row z(buffer + n, n), bend(buffer + 2 * n, n);
      z = read_row(args.logits, r, 0, n, buffer);
      if (cap > 0.0f) {
        bend = (z / cap).tanh();
        z = cap * bend;
      }
      const float largest = z.maxCoeff();  // passes over a NaN, which exp keeps
      const float normaliser = largest + std::log((z - largest).exp().sum());
      loss = normaliser - z[target];
      if (!args.gradient) return;
      logits.values = (z - normaliser).exp();
      logits.values[target] -= 1.0f;
      logits.values *= factor;
      if (cap > 0.0f) logits.values *= 1.0f - bend.square();
      logits.store();
    });
  }

 private:
  static float& statistic(const tensor& t, isize r, isize g) {
    return *static_cast<float*>(eigen_address(t, r, g));
  }

  // body(row, part, buffer) for `parts` equal parts of every row, with `widths` buffers of a part.
  template <class F>
  static void each_part(context* state, const tensor& t, isize parts, isize widths, const F& body) {
    eigen_ranges(state, t.rows, 1, widths * (t.cols / parts), [&](range mine, float* buffer) {
      for (isize r = mine.begin; r < mine.end; ++r) {
        for (isize p = 0; p < parts; ++p) body(r, p, buffer);
      }
    });
  }

  static void parameter_gradients(context* state, const norm_backward_args& args) {
    if (!args.dgain && !args.dbias) return;
    const isize n = args.x.cols / args.groups, block = 64;  // columns taken together by one worker
    const bool centred = args.kind == normalization::layer;
    eigen_ranges(state, n, block, 2 * block, [&](range mine, float* buffer) {
      for (isize c = mine.begin; c < mine.end; c += block) {
        const isize count = std::min(block, mine.end - c);
        const auto sums = [&](const tensor& t) {
          return eigen_row(static_cast<float*>(eigen_address(t, 0, c)), count);
        };
        for (isize r = 0; r < args.x.rows; ++r) {
          for (isize g = 0; g < args.groups; ++g) {
            const float mean = centred ? statistic(args.mean, r, g) : 0.0f;
            const float rstd = statistic(args.rstd, r, g);
            const eigen_const_row dy = read_row(args.dy, r, g * n + c, count, buffer);
            const eigen_const_row x = read_row(args.x, r, g * n + c, count, buffer + block);
            if (args.dgain) sums(args.dgain) += dy * (x - mean) * rstd;
            if (args.dbias) sums(args.dbias) += dy;
          }
        }
      }
    });
  }
};

}  // namespace ctgpt::inline CTGPT_ABI

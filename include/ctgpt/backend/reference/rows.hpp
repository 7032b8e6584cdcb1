// The reference kernels along a row: normalisations, embedding, rotary positions, cross entropy.
//
// norm: xhat = (x - mean) rstd, rstd = 1 / sqrt(mean of (x - mean)^2 + epsilon), y = xhat gain +
//       bias; rms has neither mean nor bias.
// Backward: with g = dy gain, dx = rstd (g - mean(g) - xhat mean(g xhat)); rms without mean(g);
//           dgain += dy xhat, dbias += dy.
// cross entropy: loss = log sum exp(z) - z[target], z = cap(logits).
// Backward: dlogits = scale (softmax(z) - onehot(target)) cap'(logits), cap' = 1 - tanh^2.
// Shapes: as in kernel_table.hpp.
// Errors: a token, position or target out of range gives NaN, a negative target 0.
// Reference: Ba et al., "Layer Normalization", 2016; Zhang, Sennrich, "Root Mean Square Layer
// Normalization", 2019; Su et al., "RoFormer", 2021.
#pragma once

#include "ctgpt/backend/reference/scalar.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <class S>
struct reference_rows {
  static void norm(context*, const norm_args& args) {
    using std::sqrt;
    const reads<S> x(args.x), gain(args.gain), bias(args.bias);
    const writes<S> y(args.y), kept_mean(args.mean), kept_rstd(args.rstd);
    const isize width = args.x.cols / args.groups;
    const S count = scalar<S>(width);
    for (isize r = 0; r < args.x.rows; ++r) {
      for (isize g = 0; g < args.groups; ++g) {
        const isize first = g * width;
        S mean = scalar<S>(0.0), squares = scalar<S>(0.0);
        if (args.kind == normalization::layer) {
          for (isize c = 0; c < width; ++c) mean += x(r, first + c);
          mean /= count;
        }
        for (isize c = 0; c < width; ++c) {
          const S d = x(r, first + c) - mean;
          squares += d * d;
        }
        const S rstd = scalar<S>(1.0) / sqrt(squares / count + scalar<S>(args.epsilon));
        for (isize c = 0; c < width; ++c) {
          S value = (x(r, first + c) - mean) * rstd;
          if (gain) value *= gain(0, c);
          if (bias) value += bias(0, c);
          y.set(r, first + c, value);
        }
        if (kept_mean && args.kind == normalization::layer) kept_mean.set(r, g, mean);
        if (kept_rstd) kept_rstd.set(r, g, rstd);
      }
    }
  }

  static void norm_backward(context*, const norm_backward_args& args) {
    const reads<S> dy(args.dy), x(args.x), gain(args.gain), mean(args.mean), rstd(args.rstd);
    const writes<S> dx(args.dx), dgain(args.dgain), dbias(args.dbias);
    const isize width = args.x.cols / args.groups;
    const bool centred = args.kind == normalization::layer;
    for (isize r = 0; r < args.x.rows; ++r) {
      for (isize g = 0; g < args.groups; ++g) {
        const isize first = g * width;
        const S mu = centred ? mean(r, g) : scalar<S>(0.0), scale = rstd(r, g);
        S sum = scalar<S>(0.0), projection = scalar<S>(0.0);
        for (isize c = 0; c < width; ++c) {
          const S up = dy(r, first + c), hat = (x(r, first + c) - mu) * scale;
          const S inner = gain ? up * gain(0, c) : up;
          sum += inner;
          projection += inner * hat;
          if (dgain) dgain.add(0, c, up * hat);
          if (dbias) dbias.add(0, c, up);
        }
        sum = centred ? sum / scalar<S>(width) : scalar<S>(0.0);
        projection /= scalar<S>(width);
        for (isize c = 0; c < width; ++c) {  // dx may be dy: element c is read before it is written
          const S up = dy(r, first + c), hat = (x(r, first + c) - mu) * scale;
          const S inner = gain ? up * gain(0, c) : up;
          dx.set(r, first + c, scale * (inner - sum - hat * projection));
        }
      }
    }
  }

  static void embed(context*, const embed_args& args) {
    const reads<S> table(args.table), places(args.places);
    const writes<S> y(args.y);
    for (isize r = 0; r < args.y.rows; ++r) {
      const isize token = integer_at(args.tokens, r);
      const isize position = places ? position_of(args.positions, r, args.time) : 0;
      const bool known = token >= 0 && token < args.table.rows && position >= 0 &&
                         (!places || position < args.places.rows);
      for (isize c = 0; c < args.y.cols; ++c) {
        S value = known ? table(token, c) : not_a_number<S>();
        if (known && places) value += places(position, c);
        y.set(r, c, value);
      }
    }
  }

  static void embed_backward(context*, const embed_backward_args& args) {
    const reads<S> dy(args.dy);
    const writes<S> dtable(args.dtable), dplaces(args.dplaces);
    for (isize r = 0; r < args.dy.rows; ++r) {
      const isize token = integer_at(args.tokens, r);
      if (token < 0 || token >= args.dtable.rows) continue;  // its loss is NaN already
      const isize position = position_of(args.positions, r, args.time);
      const bool placed = dplaces && position >= 0 && position < args.dplaces.rows;
      for (isize c = 0; c < args.dy.cols; ++c) {
        dtable.add(token, c, dy(r, c));
        if (placed) dplaces.add(position, c, dy(r, c));
      }
    }
  }

  static void rope(context*, const rope_args& args) {
    const reads<S> angles(args.angles);
    const writes<S> x(args.x);
    const isize size = args.x.cols / args.heads, half = size / 2;
    for (isize r = 0; r < args.x.rows; ++r) {
      const isize position = position_of(args.positions, r, args.time);
      const bool known = position >= 0 && position < args.angles.rows;
      for (isize h = 0; h < args.heads; ++h) {
        for (isize i = 0; i < half; ++i) {
          const S cosine = known ? angles(position, i) : not_a_number<S>();
          const S sine = known ? angles(position, half + i) : not_a_number<S>();
          const S turn = args.inverse ? -sine : sine;
          const isize low = h * size + i, high = low + half;
          const S a = x(r, low), b = x(r, high);
          x.set(r, low, a * cosine - b * turn);
          x.set(r, high, b * cosine + a * turn);
        }
      }
    }
  }

  static void cross_entropy(context*, const cross_entropy_args& args) {
    using std::exp;
    using std::log;
    const writes<S> logits(args.logits), losses(args.losses);
    const reads<S> scales(args.scale);
    const S one = scalar<S>(1.0), zero = scalar<S>(0.0), cap = scalar<S>(args.softcap);
    const isize columns = args.logits.cols;
    const auto bent = [&](const S& x) {  // tanh(x / cap), or 0 where there is no cap
      using std::tanh;
      return args.softcap > 0.0f ? tanh(x / cap) : scalar<S>(0.0);
    };
    const auto capped = [&](const S& x) { return args.softcap > 0.0f ? cap * bent(x) : x; };
    for (isize r = 0; r < args.logits.rows; ++r) {
      const isize target = integer_at(args.targets, r);
      if (target < 0 || target >= columns) {  // not scored, or not a column
        const S value = target < 0 ? zero : not_a_number<S>();
        losses.set(0, r, value);
        for (isize c = 0; args.gradient && c < columns; ++c) logits.set(r, c, value);
        continue;
      }
      double largest = real_part(capped(logits(r, 0)));
      for (isize c = 1; c < columns; ++c) {
        largest = std::fmax(largest, real_part(capped(logits(r, c))));
      }
      S total = zero;
      for (isize c = 0; c < columns; ++c) total += exp(capped(logits(r, c)) - scalar<S>(largest));
      const S normaliser = scalar<S>(largest) + log(total);
      losses.set(0, r, normaliser - capped(logits(r, target)));
      for (isize c = 0; args.gradient && c < columns; ++c) {
        const S x = logits(r, c), bend = bent(x);
        const S probability = exp(capped(x) - normaliser);
        const S slope = one - bend * bend;
        logits.set(r, c, (probability - (c == target ? one : zero)) * slope * scales(0, 0));
      }
    }
  }
};

}  // namespace ctgpt::inline CTGPT_ABI

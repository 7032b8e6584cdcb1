// What the tests of attention share: problems with their inputs, the formulas as plain sums in
// double precision, and running a table on them.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "ctgpt/backend/backend.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/base/random.hpp"

namespace attention_test {

using namespace ctgpt;

inline constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

struct problem {
  isize batch, time, heads, kv_heads, size;
  isize window = 0;
  bool sloped = false;
  float dropout = 0.0f;
  element type = element::f32;

  isize rows() const { return batch * time; }
  isize width() const { return heads * size; }        // of q, out
  isize kv_width() const { return kv_heads * size; }  // of k, v
  isize all_width() const { return width() + 2 * kv_width(); }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(size)); }
  std::string text() const {
    return join("B=", batch, " T=", time, " H=", heads, " KV=", kv_heads, " D=", size,
                " window=", window, " alibi=", sloped, " dropout=", dropout, " ",
                element_name(type));
  }
};

using floats = std::vector<float>;

inline std::size_t at(isize i) { return static_cast<std::size_t>(i); }

// What the storage type makes of a number.
inline float stored(float x, element type) {
  return type == element::bf16 ? to_float(to_bf16(x)) : x;
}

// q, k and v side by side, as one product makes them, and the gradient of out.
struct inputs {
  floats qkv, dout, slopes;
  std::vector<std::uint32_t> random{7, 11, 3, 0};

  explicit inputs(const problem& p, std::uint64_t seed = 1) {
    random_stream source(seed, 5);
    const auto draw = [&](isize count, float size) {
      floats x(at(count));
      for (float& e : x) e = stored(size * static_cast<float>(source.normal()), p.type);
      return x;
    };
    qkv = draw(p.rows() * p.all_width(), 1.5f);
    dout = draw(p.rows() * p.width(), 1.0f);
    for (isize h = 0; h < p.heads; ++h) {
      slopes.push_back(std::exp2(-8.0f * static_cast<float>(h + 1) / static_cast<float>(p.heads)));
    }
  }
};

// ---- the oracle: the formulas as they stand, in double precision --------------------------------

struct outputs {
  std::vector<double> out, lse, dq, dk, dv;
};

inline double kept(const problem& p, const inputs& x, isize b, isize h, isize i, isize j) {
  if (p.dropout == 0.0f) return 1.0;
  const auto row = static_cast<std::uint64_t>((b * p.heads + h) * p.time + i);
  const std::uint64_t e =
      row * static_cast<std::uint64_t>((p.time + 15) / 16 * 16) + static_cast<std::uint64_t>(j);
  const auto words = philox::generate(
      {static_cast<std::uint32_t>(e / 4), static_cast<std::uint32_t>(e / 4 >> 32), 9, x.random[2]},
      {x.random[0], x.random[1]});
  return words[e % 4] >= static_cast<double>(p.dropout) * 0x1p32 ? 1.0 / (1.0 - p.dropout) : 0.0;
}

inline outputs plain(const problem& p, const inputs& x, bool gradients = true) {
  outputs y;
  y.out.assign(at(p.rows() * p.width()), 0.0);
  y.dq = y.out;
  y.lse.assign(at(p.rows() * p.heads), 0.0);
  y.dk.assign(at(p.rows() * p.kv_width()), 0.0);
  y.dv = y.dk;
  std::vector<double> s(at(p.time)), mask(at(p.time)), dp(at(p.time));
  for (isize b = 0; b < p.batch; ++b) {
    for (isize h = 0; h < p.heads; ++h) {
      const isize shared = h * p.kv_heads / p.heads * p.size;
      const auto row = [&](isize i) { return (b * p.time + i) * p.all_width(); };
      const auto q = [&](isize i, isize d) { return double{x.qkv[at(row(i) + h * p.size + d)]}; };
      const auto k = [&](isize j, isize d) {
        return double{x.qkv[at(row(j) + p.width() + shared + d)]};
      };
      const auto v = [&](isize j, isize d) {
        return double{x.qkv[at(row(j) + p.width() + p.kv_width() + shared + d)]};
      };
      for (isize i = 0; i < p.time; ++i) {
        const isize first = p.window > 0 && i >= p.window ? i - p.window + 1 : 0;
        const isize out = (b * p.time + i) * p.width() + h * p.size;
        double largest = -1e300, sum = 0.0, delta = 0.0;
        for (isize j = first; j <= i; ++j) {
          double dot = 0.0;
          for (isize d = 0; d < p.size; ++d) dot += q(i, d) * k(j, d);
          s[at(j)] = dot * double{p.scale()};
          if (p.sloped) s[at(j)] += double{x.slopes[at(h)]} * static_cast<double>(j - i);
          largest = std::fmax(largest, s[at(j)]);
        }
        for (isize j = first; j <= i; ++j) sum += std::exp(s[at(j)] - largest);
        const double lse = largest + std::log(sum);
        y.lse[at((b * p.time + i) * p.heads + h)] = lse;
        for (isize j = first; j <= i; ++j) {
          s[at(j)] = std::exp(s[at(j)] - lse);
          mask[at(j)] = kept(p, x, b, h, i, j);
          for (isize d = 0; d < p.size; ++d) y.out[at(out + d)] += mask[at(j)] * s[at(j)] * v(j, d);
        }
        if (!gradients) continue;
        for (isize j = first; j <= i; ++j) {
          dp[at(j)] = 0.0;
          for (isize d = 0; d < p.size; ++d) {
            const double g = double{x.dout[at(out + d)]};
            dp[at(j)] += mask[at(j)] * g * v(j, d);
            y.dv[at((b * p.time + j) * p.kv_width() + shared + d)] += mask[at(j)] * s[at(j)] * g;
          }
          delta += s[at(j)] * dp[at(j)];
        }
        for (isize j = first; j <= i; ++j) {
          const double ds = s[at(j)] * (dp[at(j)] - delta) * double{p.scale()};
          for (isize d = 0; d < p.size; ++d) {
            y.dq[at(out + d)] += ds * k(j, d);
            y.dk[at((b * p.time + j) * p.kv_width() + shared + d)] += ds * q(i, d);
          }
        }
      }
    }
  }
  return y;
}

// ---- running a table ----------------------------------------------------------------------------

// A matrix in a backend's memory, uploaded from floats and read back as floats.
struct device {
  memory data;
  isize rows = 0, cols = 0;

  device(const backend& where, element type, isize rows_, isize cols_, const floats& from)
      : data(where, type, rows_ * cols_), rows(rows_), cols(cols_) {
    if (type == element::f32) {
      data.upload(from.data());
    } else {
      std::vector<bf16> narrow;
      for (const float x : from) narrow.push_back(to_bf16(x));
      data.upload(narrow.data());
    }
  }
  // Filled with NaN: an output must not depend on what was there.
  device(const backend& where, element type, isize rows_, isize cols_)
      : device(where, type, rows_, cols_, floats(at(rows_ * cols_), not_a_number)) {}

  tensor view() const { return data.matrix(0, rows, cols); }
  tensor columns(isize first, isize count) const {
    return {static_cast<std::byte*>(data.data()) + element_bytes(data.type(), first), rows, count,
            cols, data.type()};
  }
  floats read() const {
    floats wide(at(rows * cols));
    if (data.type() == element::f32) {
      data.download(wide.data());
    } else {
      std::vector<bf16> narrow(wide.size());
      data.download(narrow.data());
      for (std::size_t i = 0; i < wide.size(); ++i) wide[i] = to_float(narrow[i]);
    }
    return wide;
  }
};

struct integers {
  memory data;
  isize rows, cols;
  integers(const backend& where, isize rows_, isize cols_, const std::vector<std::int32_t>& from)
      : data(where, element::i32, rows_ * cols_), rows(rows_), cols(cols_) {
    data.upload(from.data());
  }
  tensor view() const { return data.matrix(0, rows, cols); }
};

struct results {
  floats out, lse, dq, dk, dv;
};

inline results run(const backend& where, const problem& p, const inputs& x, bool gradients = true) {
  const device qkv(where, p.type, p.rows(), p.all_width(), x.qkv);
  const device dout(where, p.type, p.rows(), p.width(), x.dout);
  const device slopes(where, element::f32, 1, p.heads, x.slopes);
  const memory random(where, element::u32, 4);
  random.upload(x.random.data());
  const device out(where, p.type, p.rows(), p.width()),
      dqkv(where, p.type, p.rows(), p.all_width());
  const device lse(where, element::f32, p.rows(), p.heads);
  attention_args f;
  f.out = out.view();
  f.lse = lse.view();
  f.q = qkv.columns(0, p.width());
  f.k = qkv.columns(p.width(), p.kv_width());
  f.v = qkv.columns(p.width() + p.kv_width(), p.kv_width());
  if (p.sloped) f.slopes = slopes.view();
  if (p.dropout > 0.0f) f.random = random.matrix(0, 1, 4);
  f.batch = p.batch, f.time = p.time, f.heads = p.heads, f.kv_heads = p.kv_heads;
  f.window = p.window, f.scale = p.scale(), f.dropout = p.dropout, f.site = 9;
  where.table().attention(where.state(), f);
  results y;
  if (gradients) {
    attention_backward_args g;
    g.forward = f;
    g.dout = dout.view();
    g.dq = dqkv.columns(0, p.width());
    g.dk = dqkv.columns(p.width(), p.kv_width());
    g.dv = dqkv.columns(p.width() + p.kv_width(), p.kv_width());
    where.table().attention_backward(where.state(), g);
  }
  where.synchronise();
  y.out = out.read();
  y.lse = lse.read();
  const floats all = dqkv.read();
  for (isize r = 0; r < p.rows(); ++r) {
    const auto row = all.begin() + r * p.all_width();
    y.dq.insert(y.dq.end(), row, row + p.width());
    y.dk.insert(y.dk.end(), row + p.width(), row + p.width() + p.kv_width());
    y.dv.insert(y.dv.end(), row + p.width() + p.kv_width(), row + p.all_width());
  }
  return y;
}

inline double difference(const floats& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double apart = 0.0, size = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double e = double{a[i]} - b[i];
    apart += e * e;
    size += b[i] * b[i];
  }
  return std::sqrt(apart / (size + 1e-30));
}

inline bool same_bits(const floats& a, const floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}
inline bool same_bits(const results& a, const results& b) {
  return same_bits(a.out, b.out) && same_bits(a.lse, b.lse) && same_bits(a.dq, b.dq) &&
         same_bits(a.dk, b.dk) && same_bits(a.dv, b.dv);
}

// Those that promise equal f32 bits; the others agree to rounding.
inline std::vector<isa> exact_isas() {
  std::vector<isa> exact;
  for (const isa which : available_isas()) {
    if (which != isa::baseline && which != isa::sse4) exact.push_back(which);
  }
  return exact;
}

}  // namespace attention_test

// Attention of the CPU tables against plain sums in double precision, and the bits that must agree:
// of instruction sets, of threads, of a cache and no cache.
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

namespace {

using namespace ctgpt;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

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

std::size_t at(isize i) { return static_cast<std::size_t>(i); }

// What the storage type makes of a number.
float stored(float x, element type) { return type == element::bf16 ? to_float(to_bf16(x)) : x; }

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

double kept(const problem& p, const inputs& x, isize b, isize h, isize i, isize j) {
  if (p.dropout == 0.0f) return 1.0;
  const auto row = static_cast<std::uint64_t>((b * p.heads + h) * p.time + i);
  const std::uint64_t e =
      row * static_cast<std::uint64_t>((p.time + 15) / 16 * 16) + static_cast<std::uint64_t>(j);
  const auto words = philox::generate({static_cast<std::uint32_t>(e / 4),
                                       static_cast<std::uint32_t>(e / 4 >> 32), 9, x.random[2]},
                                      {x.random[0], x.random[1]});
  return words[e % 4] >= static_cast<double>(p.dropout) * 0x1p32 ? 1.0 / (1.0 - p.dropout) : 0.0;
}

outputs plain(const problem& p, const inputs& x, bool gradients = true) {
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

results run(const backend& where, const problem& p, const inputs& x, bool gradients = true) {
  const device qkv(where, p.type, p.rows(), p.all_width(), x.qkv);
  const device dout(where, p.type, p.rows(), p.width(), x.dout);
  const device slopes(where, element::f32, 1, p.heads, x.slopes);
  const memory random(where, element::u32, 4);
  random.upload(x.random.data());
  const device out(where, p.type, p.rows(), p.width()), dqkv(where, p.type, p.rows(), p.all_width());
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

double difference(const floats& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double apart = 0.0, size = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double e = double{a[i]} - b[i];
    apart += e * e;
    size += b[i] * b[i];
  }
  return std::sqrt(apart / (size + 1e-30));
}

bool same_bits(const floats& a, const floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}
bool same_bits(const results& a, const results& b) {
  return same_bits(a.out, b.out) && same_bits(a.lse, b.lse) && same_bits(a.dq, b.dq) &&
         same_bits(a.dk, b.dk) && same_bits(a.dv, b.dv);
}

struct choice {
  isa which;
  std::string name;
};
std::vector<choice> instruction_sets(bool exact_only = false) {
  std::vector<choice> all;
  for (const choice& c : {choice{isa::baseline, "baseline"}, choice{isa::sse4, "sse4"},
                         choice{isa::avx2, "avx2"}, choice{isa::avx512, "avx512"},
                         choice{isa::neon, "neon"}}) {
    if (exact_only && (c.which == isa::baseline || c.which == isa::sse4)) continue;
    try {
      const backend probe = cpu{c.which, 1};
      all.push_back(c);
    } catch (const error&) {  // the machine or the build lacks it
    }
  }
  return all;
}

const std::vector<problem>& problems() {
  static const std::vector<problem> all = {
      {.batch = 1, .time = 1, .heads = 1, .kv_heads = 1, .size = 16},
      {.batch = 2, .time = 63, .heads = 2, .kv_heads = 2, .size = 20},
      {.batch = 3, .time = 64, .heads = 2, .kv_heads = 1, .size = 32},
      {.batch = 2, .time = 65, .heads = 3, .kv_heads = 3, .size = 64, .sloped = true},
      {.batch = 1, .time = 130, .heads = 2, .kv_heads = 2, .size = 128, .window = 17},
      {.batch = 1, .time = 200, .heads = 2, .kv_heads = 2, .size = 80, .window = 64},
      {.batch = 2, .time = 130, .heads = 6, .kv_heads = 2, .size = 16, .window = 100,
       .sloped = true, .dropout = 0.2f},
      {.batch = 2, .time = 77, .heads = 4, .kv_heads = 1, .size = 5, .dropout = 0.5f},
      {.batch = 1, .time = 193, .heads = 2, .kv_heads = 1, .size = 96, .dropout = 0.1f},
      {.batch = 1, .time = 66, .heads = 1, .kv_heads = 1, .size = 257, .window = 1},
  };
  return all;
}

}  // namespace

TEST_CASE("attention: the oracle's gradients are those of its own forward pass") {
  const problem p{.batch = 1, .time = 9, .heads = 4, .kv_heads = 2, .size = 3, .window = 5,
                  .sloped = true, .dropout = 0.3f};
  const inputs x(p);
  const outputs y = plain(p, x);
  const auto loss = [&](const inputs& z) {
    const outputs r = plain(p, z, false);
    double sum = 0.0;
    for (std::size_t i = 0; i < r.out.size(); ++i) sum += r.out[i] * double{x.dout[i]};
    return sum;
  };
  for (isize row = 0; row < p.rows(); ++row) {
    for (isize c = 0; c < p.all_width(); ++c) {
      const std::size_t e = at(row * p.all_width() + c);
      inputs up = x, down = x;
      up.qkv[e] += 0x1p-7f;
      down.qkv[e] -= 0x1p-7f;
      const double slope = (loss(up) - loss(down)) / (double{up.qkv[e]} - double{down.qkv[e]});
      const isize kc = c - p.width(), vc = kc - p.kv_width();
      const double told = c < p.width()      ? y.dq[at(row * p.width() + c)]
                          : kc < p.kv_width() ? y.dk[at(row * p.kv_width() + kc)]
                                              : y.dv[at(row * p.kv_width() + vc)];
      CHECK(slope == doctest::Approx(told).epsilon(1e-3).scale(0.1));
    }
  }
}

TEST_CASE("attention: forward and backward are the plain sums, on every instruction set") {
  for (const problem& p : problems()) {
    const inputs x(p);
    const outputs want = plain(p, x);
    for (const choice& c : instruction_sets()) {
      CAPTURE(p.text());
      CAPTURE(c.name);
      const results got = run(cpu{c.which, 2}, p, x);
      CHECK(difference(got.out, want.out) < 1e-6);
      CHECK(difference(got.lse, want.lse) < 2e-6);
      CHECK(difference(got.dv, want.dv) < 1e-6);
      if (p.time > 1 && p.window != 1) {  // else q and k have no gradient
        CHECK(difference(got.dq, want.dq) < 3e-6);
        CHECK(difference(got.dk, want.dk) < 3e-6);
      }
    }
  }
}

TEST_CASE("attention: bf16 storage computes in f32 and rounds once") {
  for (problem p : problems()) {
    p.type = element::bf16;
    const inputs x(p);
    const outputs want = plain(p, x);
    for (const choice& c : instruction_sets()) {
      CAPTURE(p.text());
      CAPTURE(c.name);
      const results got = run(cpu{c.which, 1}, p, x);
      CHECK(difference(got.out, want.out) < 3e-3);  // half a unit in the last place is 2^-9
      CHECK(difference(got.lse, want.lse) < 2e-6);
      CHECK(difference(got.dv, want.dv) < 3e-3);
      if (p.time > 1 && p.window != 1) {
        CHECK(difference(got.dq, want.dq) < 4e-3);
        CHECK(difference(got.dk, want.dk) < 4e-3);
      }
    }
  }
}

TEST_CASE("attention: avx2 and avx512, one thread and many give the same bits") {
  for (problem p : problems()) {
    for (const element type : {element::f32, element::bf16}) {
      p.type = type;
      CAPTURE(p.text());
      const inputs x(p);
      const results one = run(cpu{isa::best, 1}, p, x);
      CHECK(same_bits(run(cpu{isa::best, 2}, p, x), one));
      CHECK(same_bits(run(cpu{isa::best, 5}, p, x), one));
      if (instruction_sets(true).size() < 2) continue;
      for (const choice& c : instruction_sets(true)) {
        CAPTURE(c.name);
        CHECK(same_bits(run(cpu{c.which, 3}, p, x), one));
      }
    }
  }
}

TEST_CASE("attention: threads share one long sequence and give the same bits") {
  const problem p{.batch = 1, .time = 700, .heads = 2, .kv_heads = 1, .size = 64};
  const inputs x(p);
  const results one = run(cpu{isa::best, 1}, p, x);
  for (const int threads : {2, 3, 7}) CHECK(same_bits(run(cpu{isa::best, threads}, p, x), one));
}

TEST_CASE("attention: a row does not depend on later rows or on other sequences") {
  const problem p{.batch = 2, .time = 130, .heads = 4, .kv_heads = 2, .size = 20, .sloped = true};
  const inputs x(p);
  const results whole = run(cpu{isa::best, 2}, p, x, false);
  for (const isize time : {1, 2, 63, 64, 65, 100, 129}) {
    problem part = p;
    part.batch = 1;
    part.time = time;
    inputs y = x;  // the second sequence, cut
    y.qkv.assign(x.qkv.begin() + p.time * p.all_width(),
                 x.qkv.begin() + (p.time + time) * p.all_width());
    const results cut = run(cpu{isa::best, 1}, part, y, false);
    const floats same(whole.out.begin() + p.time * p.width(),
                      whole.out.begin() + (p.time + time) * p.width());
    CHECK(same_bits(cut.out, same));
  }
}

TEST_CASE("attention: a window of one copies the values") {
  const problem p{.batch = 1, .time = 70, .heads = 2, .kv_heads = 2, .size = 24, .window = 1};
  const inputs x(p);
  const results y = run(cpu{}, p, x);
  for (isize r = 0; r < p.rows(); ++r) {
    for (isize c = 0; c < p.width(); ++c) {
      CHECK(y.out[at(r * p.width() + c)] == x.qkv[at(r * p.all_width() + 2 * p.width() + c)]);
      CHECK(y.dq[at(r * p.width() + c)] == doctest::Approx(0.0).scale(1.0).epsilon(1e-5));
    }
  }
}

TEST_CASE("attention: scores of any size neither overflow nor lose the largest") {
  const problem p{.batch = 1, .time = 90, .heads = 1, .kv_heads = 1, .size = 16};
  inputs x(p);
  for (isize r = 0; r < p.rows(); ++r) {
    for (isize c = 0; c < 32; ++c) x.qkv[at(r * p.all_width() + c)] *= 300.0f;
  }
  const outputs want = plain(p, x);
  for (const choice& c : instruction_sets()) {
    CAPTURE(c.name);
    const results got = run(cpu{c.which, 1}, p, x);
    CHECK(difference(got.out, want.out) < 1e-2);  // scores near 1e5 carry errors near 1e-2
    CHECK(difference(got.lse, want.lse) < 2e-6);
  }
}

TEST_CASE("attention: without lse only the output is written") {
  const problem p{.batch = 1, .time = 67, .heads = 2, .kv_heads = 2, .size = 16};
  const inputs x(p);
  const backend where = cpu{};
  const device qkv(where, p.type, p.rows(), p.all_width(), x.qkv);
  const device wide(where, p.type, p.rows(), p.width() + 7);  // the output is a slice
  attention_args f;
  f.out = wide.columns(3, p.width());
  f.q = qkv.columns(0, p.width());
  f.k = qkv.columns(p.width(), p.width());
  f.v = qkv.columns(2 * p.width(), p.width());
  f.batch = 1, f.time = p.time, f.heads = p.heads, f.kv_heads = p.kv_heads, f.scale = p.scale();
  where.table().attention(where.state(), f);
  const floats got = wide.read(), want = run(where, p, x, false).out;
  for (isize r = 0; r < p.rows(); ++r) {
    for (isize c = 0; c < p.width() + 7; ++c) {
      const float g = got[at(r * (p.width() + 7) + c)];
      if (c < 3 || c >= 3 + p.width()) {
        CHECK(std::isnan(g));
      } else {
        CHECK(g == want[at(r * p.width() + c - 3)]);
      }
    }
  }
}

TEST_CASE("attention: a NaN reaches only what sees it, and leaves all other bits alone") {
  const problem p{.batch = 2, .time = 150, .heads = 2, .kv_heads = 2, .size = 20, .window = 70};
  const inputs clean(p);
  const isize b = 1, bad = 66, h = 1, column = 13;
  for (const choice& c : instruction_sets()) {
    CAPTURE(c.name);
    const backend where = cpu{c.which, 2};
    const results fine = run(where, p, clean);
    enum part { query, key, value, gradient };
    for (const part spoilt : {query, key, value, gradient}) {
      CAPTURE(static_cast<int>(spoilt));
      inputs x = clean;
      const isize row = b * p.time + bad, within = h * p.size + column;
      if (spoilt == gradient) {
        x.dout[at(row * p.width() + within)] = not_a_number;
      } else {
        x.qkv[at(row * p.all_width() + p.width() * static_cast<isize>(spoilt) + within)] = not_a_number;
      }
      const results y = run(where, p, x);
      // Rows whose output, dq, dk, dv must be NaN (all of the head), may be, or must be untouched.
      const auto check = [&](const floats& got, const floats& good, auto may, auto must) {
        bool right = true;
        for (isize r = 0; r < p.rows(); ++r) {
          for (isize i = 0; i < p.width(); ++i) {
            const std::size_t e = at(r * p.width() + i);
            const bool here = r / p.time == b && i / p.size == h;
            const isize time = r % p.time;
            if (here && must(time, i % p.size)) right = right && std::isnan(got[e]);
            if (!here || !may(time)) right = right && got[e] == good[e];
          }
        }
        return right;
      };
      const auto none = [](isize) { return false; };
      const auto never = [](isize, isize) { return false; };
      const auto itself = [&](isize t) { return t == bad; };
      const auto later = [&](isize t) { return t >= bad && t < bad + p.window; };
      const auto earlier = [&](isize t) { return t <= bad && t > bad - p.window; };
      const auto around = [&](isize t) { return t > bad - p.window && t < bad + p.window; };
      const auto all = [](auto where_) { return [=](isize t, isize) { return where_(t); }; };
      switch (spoilt) {
        case query:
          CHECK(check(y.out, fine.out, itself, all(itself)));
          CHECK(check(y.dq, fine.dq, itself, all(itself)));
          CHECK(check(y.dk, fine.dk, earlier, all(earlier)));
          CHECK(check(y.dv, fine.dv, earlier, all(earlier)));
          break;
        case key:
          CHECK(check(y.out, fine.out, later, all(later)));
          CHECK(check(y.dq, fine.dq, later, all(later)));
          CHECK(check(y.dk, fine.dk, around, all(itself)));
          CHECK(check(y.dv, fine.dv, around, all(itself)));
          break;
        case value:
          CHECK(check(y.out, fine.out, later,
                      [&](isize t, isize d) { return later(t) && d == column; }));
          CHECK(check(y.dq, fine.dq, later, all(later)));
          CHECK(check(y.dk, fine.dk, around, all(itself)));
          CHECK(check(y.dv, fine.dv, none, never));
          break;
        case gradient:
          CHECK(check(y.out, fine.out, none, never));
          CHECK(check(y.dq, fine.dq, itself, all(itself)));
          CHECK(check(y.dk, fine.dk, earlier, all(earlier)));
          CHECK(check(y.dv, fine.dv, earlier,
                      [&](isize t, isize d) { return earlier(t) && d == column; }));
          break;
      }
    }
  }
}

namespace {

// A cache of several sequences whose pages lie scattered, poisoned with NaN, and calls on it.
struct paged {
  const backend& where;
  const problem& p;
  isize page, pages_each;
  device keys, values;
  integers pages;

  paged(const backend& where_, const problem& p_, isize page_, element type)
      : where(where_),
        p(p_),
        page(page_),
        pages_each((p.time + page - 1) / page),
        keys(where, type, p.batch * pages_each, page * p.kv_width()),
        values(where, type, p.batch * pages_each, page * p.kv_width()),
        pages(where, p.batch, pages_each, scattered()) {}

  std::vector<std::int32_t> scattered() const {  // page n of sequence s, last page first
    std::vector<std::int32_t> list;
    for (isize s = 0; s < p.batch; ++s) {
      for (isize n = 0; n < pages_each; ++n) {
        list.push_back(static_cast<std::int32_t>((pages_each - 1 - n) * p.batch + s));
      }
    }
    return list;
  }
  cache_view view() const {
    return {keys.view(), values.view(), pages.view(), page, p.kv_heads, p.size};
  }
  // Writes rows given as (sequence, position), then attends with the same rows.
  floats step(const inputs& x, const std::vector<std::int32_t>& sequences,
              const std::vector<std::int32_t>& positions) const {
    const auto count = static_cast<isize>(sequences.size());
    floats rows;
    for (std::size_t r = 0; r < sequences.size(); ++r) {
      const auto row = x.qkv.begin() + (sequences[r] * p.time + positions[r]) * p.all_width();
      rows.insert(rows.end(), row, row + p.all_width());
    }
    const device qkv(where, p.type, count, p.all_width(), rows);
    const device slopes(where, element::f32, 1, p.heads, x.slopes);
    const device out(where, p.type, count, p.width());
    const integers s(where, 1, count, sequences), n(where, 1, count, positions);
    where.table().cache_write(
        where.state(), {view(), qkv.columns(p.width(), p.kv_width()),
                        qkv.columns(p.width() + p.kv_width(), p.kv_width()), s.view(), n.view()});
    cached_attention_args a;
    a.cache = view();
    a.out = out.view();
    a.q = qkv.columns(0, p.width());
    a.sequences = s.view();
    a.positions = n.view();
    if (p.sloped) a.slopes = slopes.view();
    a.heads = p.heads, a.window = p.window, a.scale = p.scale();
    where.table().cached_attention(where.state(), a);
    where.synchronise();
    return out.read();
  }
};

// Row r of `got` against the uncached output at (sequence, position).
bool equals(const floats& got, const floats& want, const problem& p,
            const std::vector<std::int32_t>& sequences,
            const std::vector<std::int32_t>& positions) {
  for (std::size_t r = 0; r < sequences.size(); ++r) {
    const float* const a = got.data() + at(static_cast<isize>(r) * p.width());
    const float* const b = want.data() + at((sequences[r] * p.time + positions[r]) * p.width());
    if (std::memcmp(a, b, at(p.width()) * sizeof(float)) != 0) return false;
  }
  return true;
}

const std::vector<problem>& cached_problems() {
  static const std::vector<problem> all = {
      {.batch = 2, .time = 140, .heads = 2, .kv_heads = 2, .size = 64},
      {.batch = 3, .time = 131, .heads = 6, .kv_heads = 2, .size = 16, .sloped = true},
      {.batch = 1, .time = 200, .heads = 3, .kv_heads = 1, .size = 20, .window = 70},
      {.batch = 1, .time = 70, .heads = 70, .kv_heads = 1, .size = 8},
  };
  return all;
}

}  // namespace

TEST_CASE("cached attention: every position, one by one, has the bits of the whole sequence") {
  for (problem p : cached_problems()) {
    for (const element type : {element::f32, element::bf16}) {
      p.type = type;
      const inputs x(p);
      const floats want = run(cpu{isa::best, 1}, p, x, false).out;
      for (const isize page : {64, 128}) {
        for (const choice& c : instruction_sets(true)) {
          CAPTURE(p.text());
          CAPTURE(page);
          CAPTURE(c.name);
          const backend where = cpu{c.which, 2};
          const paged cache(where, p, page, type);
          for (std::int32_t n = 0; n < p.time; ++n) {  // all sequences advance together
            std::vector<std::int32_t> sequences, positions;
            for (std::int32_t s = 0; s < p.batch; ++s) {
              sequences.push_back(s);
              positions.push_back(n);
            }
            REQUIRE(equals(cache.step(x, sequences, positions), want, p, sequences, positions));
          }
        }
      }
    }
  }
}

TEST_CASE("cached attention: prompts in pieces, mixed with single rows, have the same bits") {
  for (problem p : cached_problems()) {
    for (const element type : {element::f32, element::bf16}) {
      p.type = type;
      const inputs x(p);
      const floats want = run(cpu{isa::best, 1}, p, x, false).out;
      for (const isize page : {64, 128}) {
        for (const int threads : {1, 3}) {
          CAPTURE(p.text());
          CAPTURE(page);
          CAPTURE(threads);
          const backend where = cpu{isa::best, threads};
          const paged cache(where, p, page, type);
          // Sequence s has read done[s] positions; each call reads a few more of each.
          std::vector<std::int32_t> done(at(p.batch), 0);
          random_stream source(3);
          for (bool more = true; more;) {
            std::vector<std::int32_t> sequences, positions;
            for (std::int32_t s = 0; s < p.batch; ++s) {
              const auto piece = static_cast<std::int32_t>(source.below(90));
              for (std::int32_t i = 0; i < piece && done[at(s)] < p.time; ++i) {
                sequences.push_back(s);
                positions.push_back(done[at(s)]++);
              }
            }
            more = false;
            for (const std::int32_t n : done) more = more || n < p.time;
            if (sequences.empty()) continue;
            REQUIRE(equals(cache.step(x, sequences, positions), want, p, sequences, positions));
          }
        }
      }
    }
  }
}

TEST_CASE("cached attention: a bf16 cache of f32 keys and values rounds when it is written") {
  const problem p{.batch = 1, .time = 100, .heads = 4, .kv_heads = 2, .size = 32};
  const inputs x(p);
  inputs rounded = x;
  for (isize r = 0; r < p.rows(); ++r) {
    for (isize c = p.width(); c < p.all_width(); ++c) {
      float& e = rounded.qkv[at(r * p.all_width() + c)];
      e = stored(e, element::bf16);
    }
  }
  for (const choice& c : instruction_sets()) {
    CAPTURE(c.name);
    const backend where = cpu{c.which, 1};
    const floats want = run(where, p, rounded, false).out;
    const paged cache(where, p, 64, element::bf16);
    for (std::int32_t n = 0; n < p.time; ++n) {
      REQUIRE(equals(cache.step(x, {0}, {n}), want, p, {0}, {n}));
    }
  }
}

TEST_CASE("cached attention: a row of an older position ignores what was written after it") {
  const problem p{.batch = 1, .time = 128, .heads = 2, .kv_heads = 2, .size = 16};
  inputs x(p);
  const backend where = cpu{};
  const floats want = run(where, p, x, false).out;
  for (isize r = 50; r < p.rows(); ++r) {
    for (isize c = 0; c < p.all_width(); ++c) x.qkv[at(r * p.all_width() + c)] = not_a_number;
  }
  const paged cache(where, p, 64, element::f32);
  for (std::int32_t n = 127; n >= 0; --n) {
    const floats got = cache.step(x, {0}, {n});
    if (n >= 50) continue;  // its own key is NaN
    if (n == 0) CHECK(equals(got, want, p, {0}, {0}));
  }
  std::vector<std::int32_t> sequences(50, 0), positions;
  for (std::int32_t n = 49; n >= 0; --n) positions.push_back(n);  // in any order
  CHECK(equals(cache.step(x, sequences, positions), want, p, sequences, positions));
}

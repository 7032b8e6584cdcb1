// Attention of the CPU tables against plain sums in double precision, and the bits that must agree:
// of instruction sets, of threads, of one sequence alone and in a batch.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "backend/attention_problem.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/base/random.hpp"

namespace {

using namespace attention_test;

const std::vector<problem>& problems() {
  static const std::vector<problem> all = {
      {.batch = 1, .time = 1, .heads = 1, .kv_heads = 1, .size = 16},
      {.batch = 2, .time = 63, .heads = 2, .kv_heads = 2, .size = 20},
      {.batch = 3, .time = 64, .heads = 2, .kv_heads = 1, .size = 32},
      {.batch = 2, .time = 65, .heads = 3, .kv_heads = 3, .size = 64, .sloped = true},
      {.batch = 1, .time = 130, .heads = 2, .kv_heads = 2, .size = 128, .window = 17},
      {.batch = 1, .time = 200, .heads = 2, .kv_heads = 2, .size = 80, .window = 64},
      {.batch = 2,
       .time = 130,
       .heads = 6,
       .kv_heads = 2,
       .size = 16,
       .window = 100,
       .sloped = true,
       .dropout = 0.2f},
      {.batch = 2, .time = 77, .heads = 4, .kv_heads = 1, .size = 5, .dropout = 0.5f},
      {.batch = 1, .time = 193, .heads = 2, .kv_heads = 1, .size = 96, .dropout = 0.1f},
      {.batch = 1, .time = 66, .heads = 1, .kv_heads = 1, .size = 257, .window = 1},
      {.batch = 1, .time = 194, .heads = 1, .kv_heads = 1, .size = 16, .window = 66},
  };
  return all;
}

}  // namespace

TEST_CASE("attention: the oracle's gradients are those of its own forward pass") {
  const problem p{.batch = 1,
                  .time = 9,
                  .heads = 4,
                  .kv_heads = 2,
                  .size = 3,
                  .window = 5,
                  .sloped = true,
                  .dropout = 0.3f};
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
      const double told = c < p.width()       ? y.dq[at(row * p.width() + c)]
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
    for (const isa which : available_isas()) {
      CAPTURE(p.text());
      CAPTURE(isa_name(which));
      const results got = run(cpu{which, 2}, p, x);
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
    for (const isa which : available_isas()) {
      CAPTURE(p.text());
      CAPTURE(isa_name(which));
      const results got = run(cpu{which, 1}, p, x);
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
      if (exact_isas().size() < 2) continue;
      for (const isa which : exact_isas()) {
        CAPTURE(isa_name(which));
        CHECK(same_bits(run(cpu{which, 3}, p, x), one));
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
  for (const isa which : available_isas()) {
    CAPTURE(isa_name(which));
    const results got = run(cpu{which, 1}, p, x);
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
  for (const isa which : available_isas()) {
    CAPTURE(isa_name(which));
    const backend where = cpu{which, 2};
    const results fine = run(where, p, clean);
    enum part { query, key, value, gradient };
    for (const part spoilt : {query, key, value, gradient}) {
      CAPTURE(static_cast<int>(spoilt));
      inputs x = clean;
      const isize row = b * p.time + bad, within = h * p.size + column;
      if (spoilt == gradient) {
        x.dout[at(row * p.width() + within)] = not_a_number;
      } else {
        x.qkv[at(row * p.all_width() + p.width() * static_cast<isize>(spoilt) + within)] =
            not_a_number;
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

TEST_CASE("attention: what an earlier call left in the working space does not matter") {
  const problem big{.batch = 1, .time = 150, .heads = 2, .kv_heads = 1, .size = 40};
  inputs spoilt(big);
  for (float& e : spoilt.qkv) e = not_a_number;
  for (const isa which : available_isas()) {
    CAPTURE(isa_name(which));
    const backend used = cpu{which, 2};
    for (const problem& p : problems()) {
      CAPTURE(p.text());
      run(used, big, spoilt);
      const inputs x(p);
      CHECK(same_bits(run(used, p, x), run(cpu{which, 2}, p, x)));
    }
  }
}

TEST_CASE("attention: numbers near the smallest give the same bits on any number of threads") {
  const problem p{.batch = 2, .time = 100, .heads = 2, .kv_heads = 2, .size = 64};
  inputs x(p);
  for (isize r = 0; r < p.rows(); ++r) {  // sums of p v fall below the normal range, and in and out
    for (isize c = 2 * p.width(); c < p.all_width(); ++c) {
      x.qkv[at(r * p.all_width() + c)] *= 0x1p-126f;
    }
  }
  for (float& e : x.dout) e *= 0x1p-124f;
  const results one = run(cpu{isa::best, 1}, p, x);
  CHECK(same_bits(run(cpu{isa::best, 4}, p, x), one));
  for (const isa which : exact_isas()) CHECK(same_bits(run(cpu{which, 2}, p, x), one));
}

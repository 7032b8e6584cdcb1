// The products of the CPU table against the contract itself: every output is one chain of std::fma
// with k ascending, then the bias, then the activation. Bits are compared, not distances, on the
// instruction sets that have a fused multiply-add; SSE4 and the baseline agree to rounding.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "backend/product_problem.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/base/random.hpp"

using namespace ctgpt;
using namespace product_problem;

namespace {

const std::vector<shape> small_shapes = {{1, 1, 1},    {3, 5, 7},    {8, 48, 16},  {9, 49, 33},
                                         {13, 17, 40}, {32, 32, 32}, {65, 70, 31}, {31, 96, 128},
                                         {1, 100, 65}, {70, 1, 19}};
const std::vector<shape> large_shapes = {
    {37, 131, 700}, {133, 97, 300}, {150, 200, 257}, {1100, 24, 20}, {2, 900, 513}};

}  // namespace

TEST_CASE(
    "a product is one chain of fused multiply-adds, bit for bit, on any threads and vectors") {
  random_stream random(1);
  for (const auto& shapes : {small_shapes, large_shapes}) {
    for (const shape& s : shapes) {
      for (const product kind : {product::nn, product::nt, product::tn}) {
        for (const bool accumulate : {false, true}) {
          const options how{accumulate, !accumulate};
          const operands given(kind, s, {}, accumulate ? 3 : 0, random);
          const matrix want = expected(kind, given, s.k, how);
          for (const backend& on : exact_backends()) {
            INFO(named(on, kind, s), accumulate ? " accumulate" : "");
            CHECK(computed(on, kind, given, how).same_bits(want));
          }
        }
      }
    }
  }
}

TEST_CASE("bf16 operands are widened exactly, and a bf16 result is rounded once, at the end") {
  random_stream random(2);
  const element f = element::f32, h = element::bf16;
  for (const types& t : {types{h, f, f}, {f, h, f}, {f, f, h}, {h, h, h}}) {
    for (const shape& s : {shape{3, 5, 7}, {21, 50, 37}, {40, 100, 600}, {130, 140, 300}}) {
      for (const product kind : {product::nn, product::nt, product::tn}) {
        const options how{t.c == h, true};
        const operands given(kind, s, t, 5, random);
        const matrix want = expected(kind, given, s.k, how);
        for (const backend& on : exact_backends()) {
          INFO(named(on, kind, s));
          CHECK(computed(on, kind, given, how).same_bits(want));
        }
      }
    }
  }
}

TEST_CASE("a product split along k by accumulation has the bits of the whole") {
  random_stream random(5);
  const shape s{50, 60, 200};
  for (const backend& on : exact_backends()) {
    const operands given(product::nt, s, {}, 0, random);
    const matrix whole = computed(on, product::nt, given, {});
    operands mine = given;
    for (const isize first : {0, 70}) {
      tensor a = mine.a.view(), b = mine.b.view();
      a.data = static_cast<float*>(a.data) + first;
      b.data = static_cast<float*>(b.data) + first;
      a.cols = b.cols = first == 0 ? 70 : 130;
      matmul_args args = arguments(product::nt, mine.c.view(), a, b);
      args.accumulate = first != 0;
      on.table().matmul(on.state(), args);
    }
    on.synchronise();
    CHECK(mine.c.same_bits(whole));
  }
}

TEST_CASE("one row alone has the bits that it has among a thousand") {
  random_stream random(6);
  const shape s{1000, 150, 100};
  for (const backend& on : exact_backends()) {
    operands given(product::nt, s, {}, 0, random);
    const matrix all = computed(on, product::nt, given, {});
    for (const isize row : {0, 499, 999}) {
      matrix one(1, s.n, element::f32);
      tensor a = given.a.view();
      a.data = static_cast<float*>(a.data) + row * s.k;
      a.rows = 1;
      on.table().matmul(on.state(), arguments(product::nt, one.view(), a, given.b.view()));
      on.synchronise();
      for (isize n = 0; n < s.n; ++n) CHECK(one(0, n) == all(row, n));
    }
  }
}

TEST_CASE("the activation follows the bias, and `before` keeps what it was applied to") {
  random_stream random(7);
  const shape s{19, 53, 48};
  for (const element type : {element::f32, element::bf16}) {
    for (const auto act :
         {activation::none, activation::gelu, activation::gelu_tanh, activation::relu_squared}) {
      const operands given(product::nt, s, {element::f32, element::f32, type}, 1, random);
      const matrix want = expected(product::nt, given, s.k, {false, true});
      std::optional<matrix> first;
      for (const backend& on : exact_backends()) {
        INFO(named(on, product::nt, s), " activation ", static_cast<int>(act));
        operands mine = given;
        matrix before(s.m, s.n, type, 4);
        matmul_args args = arguments(product::nt, mine.c.view(), mine.a.view(), mine.b.view());
        args.bias = mine.bias.view();
        args.before = before.view();
        args.act = act;
        on.table().matmul(on.state(), args);
        on.synchronise();
        for (isize m = 0; m < s.m; ++m) {
          for (isize n = 0; n < s.n; ++n) {
            CHECK(before(m, n) == want(m, n));
            const double x =
                chain(product::nt, given.a, given.b, m, n, s.k, 0.0f) + given.bias(0, n);
            const double gate = 0.7978845608028654 * (x + 0.044715 * x * x * x);
            const double y = act == activation::gelu
                                 ? 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)))
                             : act == activation::gelu_tanh    ? 0.5 * x * (1.0 + std::tanh(gate))
                             : act == activation::relu_squared ? (x > 0.0 ? x * x : 0.0)
                                                               : x;
            const double rounding = type == element::bf16 ? 4e-3 : 2e-7;
            CHECK(std::abs(mine.c(m, n) - y) <= rounding * std::abs(y) + 4e-7 * std::abs(x));
          }
        }
        if (!first) first = mine.c;
        CHECK(mine.c.same_bits(*first));
      }
    }
  }
}

TEST_CASE("NaN and infinity reach every output that they enter, and no other") {
  random_stream random(8);
  for (const product kind : {product::nn, product::nt, product::tn}) {
    for (const shape& s : {shape{10, 20, 30}, {70, 150, 280}}) {
      operands given(kind, s, {}, 3, random);
      const bool tn = kind == product::tn, nt = kind == product::nt;
      given.a.set(tn ? s.k - 1 : 2, tn ? 2 : s.k - 1, not_a_number);
      // Zero times infinity: row 4 of a is zero, column 7 of b has an infinity.
      for (isize k = 0; k < s.k; ++k) given.a.set(tn ? k : 4, tn ? 4 : k, 0.0f);
      given.b.set(nt ? 7 : 3, nt ? 3 : 7, std::numeric_limits<float>::infinity());
      for (const isa target : {isa::baseline, isa::sse4, isa::avx2, isa::avx512, isa::neon}) {
        const auto on = backend_for(target, 2);
        if (!on) continue;
        INFO(named(*on, kind, s));
        const matrix c = computed(*on, kind, given, {});
        for (isize m = 0; m < s.m; ++m) {
          for (isize n = 0; n < s.n; ++n) {
            const bool nan = m == 2 || (m == 4 && n == 7);
            CHECK(std::isnan(c(m, n)) == nan);
            if (!nan) CHECK(std::isinf(c(m, n)) == (n == 7));
          }
        }
      }
    }
  }
}

TEST_CASE("sum_rows adds the rows one after the other, for any number of threads") {
  random_stream random(10);
  for (const element type : {element::f32, element::bf16}) {
    for (const shape& s : {shape{1, 1, 0}, {7, 33, 0}, {300, 515, 0}, {64, 2000, 0}}) {
      const matrix given = matrix::normal(s.m, s.n, type, 3, random);
      const matrix start = matrix::normal(1, s.n, element::f32, 0, random);
      matrix want = start;
      for (isize n = 0; n < s.n; ++n) {
        float sum = start(0, n);
        for (isize m = 0; m < s.m; ++m) sum += given(m, n);
        want.set(0, n, sum);
      }
      for (const isa target : {isa::baseline, isa::sse4, isa::avx2, isa::avx512, isa::neon}) {
        for (const int threads : {1, 2, 5}) {
          const auto on = backend_for(target, threads);
          if (!on) continue;
          matrix x = given, out = start;
          on->table().sum_rows(on->state(), {out.view(), x.view()});
          on->synchronise();
          CHECK(out.same_bits(want));
        }
      }
    }
  }
}

TEST_CASE(
    "without k the product is zero or c, then bias; without rows or columns nothing happens") {
  random_stream random(11);
  for (const backend& on : exact_backends()) {
    for (const product kind : {product::nn, product::nt, product::tn}) {
      for (const bool accumulate : {false, true}) {
        const operands given(kind, {5, 60, 0}, {}, 2, random);
        const options how{accumulate, true};
        CHECK(computed(on, kind, given, how).same_bits(expected(kind, given, 0, how)));
      }
      CHECK(computed(on, kind, operands(kind, {0, 6, 4}, {}, 0, random), {}).rows() == 0);
      CHECK(computed(on, kind, operands(kind, {6, 0, 4}, {}, 0, random), {}).cols() == 0);
    }
  }
}

TEST_CASE("SSE4 and the baseline agree with the chain to rounding") {
  random_stream random(12);
  for (const isa target : {isa::baseline, isa::sse4}) {
    for (const int threads : {1, 2}) {
      const auto on = backend_for(target, threads);
      if (!on) continue;
      for (const auto& shapes : {small_shapes, large_shapes}) {
        for (const shape& s : shapes) {
          for (const product kind : {product::nn, product::nt, product::tn}) {
            INFO(named(*on, kind, s));
            const options how{true, true};
            const operands given(kind, s, {}, 1, random);
            const matrix want = expected(kind, given, s.k, how);
            const matrix c = computed(*on, kind, given, how);
            const double scale = 1e-6 * std::sqrt(static_cast<double>(s.k) + 1.0);
            double worst = 0.0;
            for (isize m = 0; m < s.m; ++m) {
              for (isize n = 0; n < s.n; ++n) {
                worst = std::fmax(worst, std::abs(c(m, n) - want(m, n)));
              }
            }
            CHECK(worst <= 4.0 * scale);
          }
        }
      }
    }
  }
}

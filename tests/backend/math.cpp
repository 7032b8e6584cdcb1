// The vector functions of cpu/math-inl.hpp on every instruction set, against long double.
//
// This file is a dispatch unit of its own: Highway includes it once for each target.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ctgpt/base/random.hpp"

#ifndef CTGPT_TEST_MATH_TARGETS
#define CTGPT_TEST_MATH_TARGETS
#if defined(__x86_64__)
#define HWY_DISABLED_TARGETS ((HWY_AVX3 - 1) | HWY_SSSE3)
#else
#define HWY_DISABLED_TARGETS (HWY_NEON - 1)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "../tests/backend/math.cpp"  // found from the include path's directory
#include "hwy/foreach_target.h"
#endif

#include "ctgpt/backend/cpu/lanes-inl.hpp"
#include "ctgpt/backend/cpu/math-inl.hpp"
#include "ctgpt/backend/cpu/random-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace math_test {
namespace HWY_NAMESPACE {

namespace kernels = ctgpt::cpu_kernels::HWY_NAMESPACE;

// out[i] = function(in[i]); count is a multiple of 16.
#define CTGPT_TEST_MATH(NAME)                                           \
  HWY_ATTR void NAME##_all(const float* in, float* out, int count) {    \
    const kernels::f32_tag d;                                           \
    for (int i = 0; i < count; i += kernels::native) {                  \
      kernels::store(kernels::NAME(d, kernels::load(in + i)), out + i); \
    }                                                                   \
  }
CTGPT_TEST_MATH(exp)
CTGPT_TEST_MATH(log)
CTGPT_TEST_MATH(tanh)
CTGPT_TEST_MATH(sigmoid)
CTGPT_TEST_MATH(silu)
CTGPT_TEST_MATH(silu_slope)
CTGPT_TEST_MATH(gelu)
CTGPT_TEST_MATH(gelu_slope)
CTGPT_TEST_MATH(gelu_tanh)
CTGPT_TEST_MATH(gelu_tanh_slope)
CTGPT_TEST_MATH(relu_squared)
CTGPT_TEST_MATH(relu_squared_slope)
#undef CTGPT_TEST_MATH

// {sum, max} of 16 lanes.
HWY_ATTR void reduce_all(const float* in, float* out, int) {
  const kernels::lanes v = kernels::load_lanes(in);
  out[0] = kernels::sum_of(v);
  out[1] = kernels::max_of(v);
}
// in[0..n) through f32 and bf16 tails: out holds n floats, then a guard.
HWY_ATTR void tails_all(const float* in, float* out, int n) {
  ctgpt::bf16 half[18];
  for (ctgpt::bf16& h : half) h.bits = 0x1234;
  kernels::store_lanes_first(kernels::load_lanes_first(in, n), half, n);
  kernels::store_lanes_first(kernels::load_lanes_first(half, n), out, n);
  for (int i = n; i < 18; ++i) out[16 + i] = half[i].bits == 0x1234 ? 1.0f : 0.0f;
}

// Dropout factors of elements far beyond 2^32, 16 at a time and all at once: 2 * n floats.
HWY_ATTR void factors_all(const float*, float* out, int n) {
  const std::uint32_t state[4] = {11, 22, 33, 0};
  const kernels::dropout_rule rule = kernels::make_dropout_rule(state, 44, 0.4f);
  for (int i = 0; i < n; i += 16) {
    kernels::store_lanes(
        kernels::dropout_factors(rule, (std::uint64_t{5} << 34) + static_cast<std::uint64_t>(i)),
        out + i);
  }
  kernels::dropout_factors(rule, std::uint64_t{5} << 34, n, out + n);
}

}  // namespace HWY_NAMESPACE
}  // namespace math_test
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace math_test {
namespace {

using function = void (*)(const float*, float*, int);
struct variant {
  std::int64_t target;
  function run;
};
// The compiled variants that this machine runs, plain C++ first.
std::vector<variant> runnable(std::vector<variant> all) {
  std::vector<variant> kept;
  for (const variant& v : all) {
    if (v.run != nullptr && (v.target == 0 || (hwy::SupportedTargets() & v.target) != 0)) {
      kept.push_back(v);
    }
  }
  return kept;
}
#define CTGPT_TEST_VARIANTS(NAME)              \
  runnable({{0, &HWY_STATIC_DISPATCH(NAME)},   \
            {HWY_SSE4, HWY_CHOOSE_SSE4(NAME)}, \
            {HWY_AVX2, HWY_CHOOSE_AVX2(NAME)}, \
            {HWY_AVX3, HWY_CHOOSE_AVX3(NAME)}})

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// Every kind of magnitude of both signs, dense near 0 to 100, and the edges.
std::vector<float> samples() {
  std::vector<float> x{0.0f,   -0.0f, 1.0f,   -1.0f,     9.01f,
                       -9.01f, 3.92f, -3.92f, 88.72283f, -87.3365f};
  for (std::uint32_t bits = 0x00800000; bits < 0x7f800000; bits += 40009) {
    x.push_back(std::bit_cast<float>(bits));
    x.push_back(-std::bit_cast<float>(bits));
  }
  for (int i = -60000; i <= 60000; ++i) x.push_back(static_cast<float>(i) * 0.0017f);
  while (x.size() % 16 != 0) x.push_back(0.5f);
  return x;
}

double ulp(float value) {
  const float magnitude = std::fmax(std::fabs(value), std::numeric_limits<float>::min());
  return std::ldexp(1.0, std::ilogb(magnitude) - 23);
}

struct subject {
  const char* name;
  std::vector<variant> variants;
  long double (*truth)(long double);
  // What the error is measured in: 'u' units in the last place, 'a' absolute, 's' times max(|x|,
  // tiny).
  char scale;
  double bound;
};

long double cdf(long double x) { return 0.5L * std::erfc(-x * 0.70710678118654752440L); }
long double density(long double x) { return std::exp(-0.5L * x * x) * 0.39894228040143267794L; }
long double logistic(long double x) { return 1 / (1 + std::exp(-x)); }
long double tanh_argument(long double x) {
  return 1.59576912160573071176L * (x + 0.044715L * x * x * x);
}

std::vector<subject> subjects() {
  using T = long double;
  return {
      {"exp", CTGPT_TEST_VARIANTS(exp_all), [](T x) { return std::exp(x); }, 'u', 2.0},
      {"log", CTGPT_TEST_VARIANTS(log_all), [](T x) { return std::log(x); }, 'u', 2.0},
      {"tanh", CTGPT_TEST_VARIANTS(tanh_all), [](T x) { return std::tanh(x); }, 'a', 2e-7},
      {"tanh ulp", CTGPT_TEST_VARIANTS(tanh_all), [](T x) { return std::tanh(x); }, 'u', 2.0},
      {"sigmoid", CTGPT_TEST_VARIANTS(sigmoid_all), logistic, 'a', 2e-7},
      {"sigmoid ulp", CTGPT_TEST_VARIANTS(sigmoid_all), logistic, 'u', 2.0},
      {"silu", CTGPT_TEST_VARIANTS(silu_all), [](T x) { return x * logistic(x); }, 's', 2e-7},
      {"silu_slope", CTGPT_TEST_VARIANTS(silu_slope_all),
       [](T x) { return logistic(x) * (1 + x * logistic(-x)); }, 'a', 2e-7},
      {"gelu", CTGPT_TEST_VARIANTS(gelu_all), [](T x) { return x * cdf(x); }, 's', 2e-7},
      {"gelu_slope", CTGPT_TEST_VARIANTS(gelu_slope_all),
       [](T x) { return cdf(x) + x * density(x); }, 'a', 2e-7},
      {"gelu_tanh", CTGPT_TEST_VARIANTS(gelu_tanh_all),
       [](T x) { return x * logistic(tanh_argument(x)); }, 's', 2e-7},
      {"gelu_tanh_slope", CTGPT_TEST_VARIANTS(gelu_tanh_slope_all),
       [](T x) {
         const T s = logistic(tanh_argument(x)), one_less = logistic(-tanh_argument(x));
         const T du = 1.59576912160573071176L * (1 + 3 * 0.044715L * x * x);
         return s == 0 || one_less == 0 ? s : s + x * s * one_less * du;
       },
       'a', 2e-7},
      {"relu_squared", CTGPT_TEST_VARIANTS(relu_squared_all), [](T x) { return x > 0 ? x * x : 0; },
       'u', 0.5},
      {"relu_squared_slope", CTGPT_TEST_VARIANTS(relu_squared_slope_all),
       [](T x) { return x > 0 ? 2 * x : 0; }, 'u', 0.5},
  };
}

double error_of(const subject& s, float x, float y) {
  const long double truth = s.truth(x);
  const auto rounded = static_cast<float>(truth);
  if (std::isnan(y) || std::isnan(rounded)) return std::isnan(y) == std::isnan(rounded) ? 0 : 1e30;
  if (rounded == y) return 0;
  // A subnormal result may be flushed to 0.
  if (y == 0 && std::fabs(truth) < 1.1756e-38L) return 0;
  if (std::isinf(y) || std::isinf(rounded)) {
    // The last place before overflow may fall either way.
    return std::fmin(std::fabs(static_cast<double>(y)), std::fabs(static_cast<double>(truth))) >
                   3.4e38
               ? 0
               : 1e30;
  }
  const double scale = s.scale == 'u'   ? ulp(rounded)
                       : s.scale == 's' ? std::fmax(std::fabs(static_cast<double>(x)), 1e-30)
                                        : 1.0;
  return static_cast<double>(std::fabs(static_cast<long double>(y) - truth)) / scale;
}

TEST_CASE("math functions agree with long double on every instruction set") {
  const std::vector<float> x = samples();
  const int count = static_cast<int>(x.size());
  std::vector<float> y(x.size());
  for (const subject& s : subjects()) {
    for (const variant& v : s.variants) {
      v.run(x.data(), y.data(), count);
      double worst = 0;
      float where = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = error_of(s, x[i], y[i]);
        if (error > worst) {
          worst = error;
          where = x[i];
        }
      }
      INFO(s.name, " on target ", v.target, ": error ", worst, " at ", where);
      CHECK(worst <= s.bound);
    }
  }
}

TEST_CASE("math functions give the same bits on AVX2 and AVX-512") {
  std::vector<float> x = samples();
  for (const float special : {nan, infinity, -infinity, 1e-40f, -1e-40f}) {
    for (int i = 0; i < 16; ++i) x.push_back(special);
  }
  for (const subject& s : subjects()) {
    std::vector<std::vector<float>> results;
    for (const variant& v : s.variants) {
      if (v.target != HWY_AVX2 && v.target != HWY_AVX3) continue;
      results.emplace_back(x.size());
      v.run(x.data(), results.back().data(), static_cast<int>(x.size()));
    }
    if (results.size() < 2) continue;
    int different = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      different += std::bit_cast<std::uint32_t>(results[0][i]) !=
                   std::bit_cast<std::uint32_t>(results[1][i]);
    }
    INFO(s.name);
    CHECK(different == 0);
  }
}

float call(const variant& v, float x) {
  std::vector<float> in(16, x), out(16);
  v.run(in.data(), out.data(), 16);
  return out[5];
}

TEST_CASE("math functions are right at zero, infinity and NaN") {
  for (const variant& v : CTGPT_TEST_VARIANTS(exp_all)) {
    CHECK(call(v, 0.0f) == 1.0f);
    CHECK(call(v, -infinity) == 0.0f);
    CHECK(call(v, infinity) == infinity);
    CHECK(call(v, 1e30f) == infinity);
    CHECK(call(v, -1e30f) == 0.0f);
    CHECK(call(v, -88.0f) == 0.0f);
    CHECK(call(v, -87.3f) > 0.0f);
    CHECK(call(v, 89.0f) == infinity);
    CHECK(std::isnan(call(v, nan)));
    CHECK(std::isnan(call(v, std::bit_cast<float>(0x7fc001ffu))));  // a NaN with a payload
  }
  for (const variant& v : CTGPT_TEST_VARIANTS(log_all)) {
    CHECK(call(v, 1.0f) == 0.0f);
    CHECK(call(v, 0.0f) == -infinity);
    CHECK(call(v, infinity) == infinity);
    CHECK(std::isnan(call(v, -1.0f)));
    CHECK(std::isnan(call(v, -infinity)));
    CHECK(std::isnan(call(v, nan)));
  }
  {
    for (const variant& v : CTGPT_TEST_VARIANTS(tanh_all)) {
      CHECK(std::bit_cast<std::uint32_t>(call(v, -0.0f)) == 0x80000000u);
      CHECK(call(v, infinity) == 1.0f);
      CHECK(call(v, -infinity) == -1.0f);
      CHECK(call(v, 3e38f) == 1.0f);
      CHECK(call(v, -3e38f) == -1.0f);
      CHECK(std::isnan(call(v, nan)));
    }
  }
  for (const variant& v : CTGPT_TEST_VARIANTS(sigmoid_all)) {
    CHECK(call(v, 0.0f) == 0.5f);
    CHECK(call(v, infinity) == 1.0f);
    CHECK(call(v, -infinity) == 0.0f);
  }
  for (const subject& s : subjects()) {
    for (const variant& v : s.variants) {
      INFO(s.name, " on target ", v.target);
      CHECK(std::isnan(call(v, nan)));
    }
  }
}

TEST_CASE("lanes are combined by one tree whatever the vector holds") {
  std::vector<float> x(16);
  std::uint32_t state = 1;
  for (int repeat = 0; repeat < 50; ++repeat) {
    for (float& value : x) {
      state = state * 1664525u + 1013904223u;
      value = (static_cast<float>(state >> 8) - 8e6f) * 1e-3f;
    }
    std::vector<float> sum = x, largest = x;
    for (std::size_t half = 8; half > 0; half /= 2) {
      for (std::size_t i = 0; i < half; ++i) {
        sum[i] += sum[i + half];
        largest[i] = std::fmax(largest[i], largest[i + half]);
      }
    }
    for (const variant& v : CTGPT_TEST_VARIANTS(reduce_all)) {
      float out[2];
      v.run(x.data(), out, 16);
      CHECK(out[0] == sum[0]);
      CHECK(out[1] == largest[0]);
    }
  }
}

TEST_CASE("dropout of an element numbered beyond 2^32 uses both words of the counter") {
  constexpr int count = 96;
  std::vector<float> expected;
  for (std::uint64_t e = std::uint64_t{5} << 34; expected.size() < count; ++e) {
    const auto block = e / 4;
    const auto words = ctgpt::philox::generate(
        {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), 44, 33},
        {11, 22});
    const bool kept = static_cast<double>(words[e % 4]) >= static_cast<double>(0.4f) * 0x1p32;
    expected.push_back(kept ? 1.0f / (1.0f - 0.4f) : 0.0f);
  }
  for (const variant& v : CTGPT_TEST_VARIANTS(factors_all)) {
    std::vector<float> out(2 * count);
    v.run(nullptr, out.data(), count);
    CHECK(std::vector<float>(out.begin(), out.begin() + count) == expected);
    CHECK(std::vector<float>(out.begin() + count, out.end()) == expected);
  }
}

TEST_CASE("tails read and write exactly n elements, and bf16 rounds as the scalar does") {
  const std::vector<float> all{1.00390625f, -1.01171875f, nan,    infinity, -infinity, 3.4e38f,
                               0.1f,        -0.0f,        1e-40f, 123.456f, -7.f,      0.5f,
                               2.f,         1e-38f,       9.f,    -3.3f};
  for (int n = 1; n <= 16; ++n) {
    const std::vector<float> x(all.begin(),
                               all.begin() + n);  // exact size: a sanitizer sees overreads
    for (const variant& v : CTGPT_TEST_VARIANTS(tails_all)) {
      std::vector<float> out(34, -77.0f);
      v.run(x.data(), out.data(), n);
      for (int i = 0; i < n; ++i) {
        const float expected = ctgpt::to_float(ctgpt::to_bf16(x[static_cast<std::size_t>(i)]));
        CHECK(std::bit_cast<std::uint32_t>(out[static_cast<std::size_t>(i)]) ==
              std::bit_cast<std::uint32_t>(expected));
      }
      for (int i = n; i < 16; ++i) CHECK(out[static_cast<std::size_t>(i)] == -77.0f);
      for (int i = n; i < 18; ++i) CHECK(out[static_cast<std::size_t>(16 + i)] == 1.0f);
    }
  }
}

}  // namespace
}  // namespace math_test
#endif

// The ceiling of arithmetic: burn does the multiply-adds that it reports, all of them and on every
// worker; no product is faster than measured_peak; a backend without burn has the peak 0.
#include "ctgpt/backend/peak.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/backend/cpu/workers.hpp"
#include "ctgpt/backend/eigen.hpp"
#include "ctgpt/backend/reference.hpp"
#include "ctgpt/base/random.hpp"

// A sanitizer's checks take burn out of the registers, and then it is no ceiling.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

namespace {

using namespace ctgpt;

// Floats of a vector. baseline is plain C++, or SSE2 in newer Highway: 0 stands for either.
double lanes_of(isa which) {
  switch (which) {
    case isa::sse4:
    case isa::neon:
      return 4.0;
    case isa::avx2:
      return 8.0;
    case isa::avx512:
      return 16.0;
    default:
      return 0.0;
  }
}

constexpr int chains = 12;

// What a lane's chains add up to: chain i starts at (i + 1) / 100, and every round takes x to
// 0.999999 x + 0.000001.
double sum_of_chains(isize rounds) {
  double sum = 0.0;
  for (int i = 0; i < chains; ++i) {
    double x = 0.01 * (i + 1);
    for (isize round = 0; round < rounds; ++round) x = x * 0.999999 + 1e-6;
    sum += x;
  }
  return sum;
}

// Where burn leaves a worker's sum: 128 bytes apart in the block that all workers share.
float* sinks_of(const backend& where) {
  const workers& crew = workers_of(where.state());
  return static_cast<float*>(crew.scratch(crew.count, static_cast<std::size_t>(crew.count) * 128));
}
constexpr std::size_t sink_step = 32;

TEST_CASE("burn reports two operations a multiply-add, chain, lane, round and thread") {
  for (const isa which : available_isas()) {
    CAPTURE(std::string(isa_name(which)));
    for (const int threads : {1, 2, 3}) {
      const backend where = cpu{which, threads};
      REQUIRE((where.table().burn != nullptr));
      for (const isize rounds : {0, 1, 37, 1000}) {
        const double done = where.table().burn(where.state(), rounds);
        const double a_lane =
            2.0 * chains * static_cast<double>(rounds) * static_cast<double>(threads);
        if (lanes_of(which) != 0.0) {
          CHECK(done == lanes_of(which) * a_lane);
        } else {
          CHECK((done == a_lane || done == 4.0 * a_lane));
        }
      }
    }
  }
}

// 37 roundings of twelve numbers near 0.1 move the sum by less than 2e-6; one round more or less
// moves it by 1.1e-5, one chain by 0.01.
TEST_CASE("every worker of burn does every chain and every round that is reported") {
  for (const isa which : available_isas()) {
    CAPTURE(std::string(isa_name(which)));
    for (const int threads : {1, 2, 3}) {
      const backend where = cpu{which, threads};
      for (const isize rounds : {0, 1, 36, 37}) {
        float* const sinks = sinks_of(where);
        for (int worker = 0; worker < threads; ++worker) {
          sinks[static_cast<std::size_t>(worker) * sink_step] =
              std::numeric_limits<float>::quiet_NaN();
        }
        where.table().burn(where.state(), rounds);
        for (int worker = 0; worker < threads; ++worker) {
          CAPTURE(worker);
          const auto sum = static_cast<double>(sinks[static_cast<std::size_t>(worker) * sink_step]);
          CHECK(std::fabs(sum - sum_of_chains(rounds)) < 4e-6);
        }
      }
    }
  }
}

TEST_CASE("a backend without burn has the peak 0") {
  for (const backend& where :
       {backend(reference<float>{}), backend(reference<double>{}), backend(eigen{.threads = 1})}) {
    CAPTURE(std::string(where.name()));
    CHECK((where.table().burn == nullptr));
    CHECK(measured_peak(where) == 0.0);
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Operations a second of a square product, the best of three.
double product_rate(const backend& where) {
  constexpr isize size = 384;
  std::vector<float> numbers(static_cast<std::size_t>(2 * size * size));
  random_stream random(5);
  for (float& number : numbers) number = random.uniform() - 0.5f;
  const memory inputs(where, element::f32, 2 * size * size),
      output(where, element::f32, size * size);
  inputs.upload(numbers.data());
  matmul_args args;
  args.c = output.matrix(0, size, size);
  args.a = inputs.matrix(0, size, size);
  args.b = inputs.matrix(size * size, size, size);
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 4; ++i) {
    const double start = clock_seconds();
    where.table().matmul(where.state(), args);
    if (i > 0) best = std::min(best, clock_seconds() - start);
  }
  return 2.0 * static_cast<double>(size * size * size) / best;
}

// Other programs slow down either side, so the peak is the best of seven tries and the product's
// rate their middle. The margin is for a clock that changes between the two.
TEST_CASE("no product is faster than the peak, and the peak is one that a processor can have") {
  for (const isa which : available_isas()) {
    CAPTURE(std::string(isa_name(which)));
    for (const int threads : {1, 2}) {
      CAPTURE(threads);
      const backend where = cpu{which, threads};
      double peak = 0.0;
      std::vector<double> rates;
      for (int i = 0; i < 7; ++i) {
        peak = std::max(peak, measured_peak(where, 50));
        rates.push_back(product_rate(where));
      }
      const double fraction = median(rates) / peak;
      INFO("the peak is ", peak / 1e9, " GFLOP/s, products reach ", fraction);
      CHECK(fraction > 0.0);
      // Of plain C++ a compiler may put four numbers into a vector in products and not in burn.
      if (!SANITIZED) CHECK(fraction <= (which == isa::baseline ? 4.4 : 1.1));
      // Four vectors a cycle at 7 GHz: more would mean that the loop has been optimised away.
      CHECK(peak <= 2.0 * 4.0 * 7e9 * std::max(4.0, lanes_of(which)) * threads);
    }
  }
}

}  // namespace

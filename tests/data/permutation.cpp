// permutation: one to one on every domain, and as random as its use asks for.
#include "ctgpt/data/permutation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using ctgpt::isize;
using ctgpt::data::permutation;

namespace {

constexpr bool is_one_to_one(isize n) {
  const permutation order(n, 5, 7);
  for (isize i = 0; i < n; ++i) {
    int hits = 0;
    for (isize j = 0; j < n; ++j) hits += order(j) == i ? 1 : 0;
    if (hits != 1) return false;
  }
  return true;
}
static_assert(is_one_to_one(1) && is_one_to_one(2) && is_one_to_one(5));

}  // namespace

TEST_CASE("permutation: every number comes once, whatever the size") {
  for (isize n : {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 100, 255, 256, 257, 1000, 4097, 70001}) {
    for (const std::uint64_t epoch : {0u, 1u, 2u}) {
      const permutation order(n, 1337, epoch);
      std::vector<bool> seen(static_cast<std::size_t>(n), false);
      for (isize i = 0; i < n; ++i) {
        const isize to = order(i);
        REQUIRE(to >= 0);
        REQUIRE(to < n);
        REQUIRE_FALSE(seen[static_cast<std::size_t>(to)]);
        seen[static_cast<std::size_t>(to)] = true;
      }
    }
  }
}

TEST_CASE("permutation: it depends on seed and epoch alone, and large ones need no memory") {
  const isize n = isize{1} << 50;
  CHECK(permutation(n, 1, 2)(n - 1) == permutation(n, 1, 2)(n - 1));
  CHECK(permutation(n, 1, 2)(n - 1) != permutation(n, 1, 3)(n - 1));
  CHECK(permutation(n, 1, 2)(n - 1) != permutation(n, 2, 2)(n - 1));
}

TEST_CASE("permutation: over epochs each number falls on each place about equally often") {
  // Chi-squared with 99 degrees of freedom; 160 is passed once in 10,000 such tests.
  constexpr isize n = 10;
  constexpr int epochs = 20000;
  std::vector<int> hits(static_cast<std::size_t>(n * n), 0);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const permutation order(n, 42, static_cast<std::uint64_t>(epoch));
    for (isize i = 0; i < n; ++i) ++hits[static_cast<std::size_t>(i * n + order(i))];
  }
  double sum = 0.0;
  for (const int count : hits) sum += std::pow(count - epochs / 10.0, 2) / (epochs / 10.0);
  CHECK(sum < 160.0);
}

TEST_CASE("permutation: neighbours do not stay neighbours") {
  constexpr isize n = 10000;
  const permutation order(n, 3, 0);
  int near = 0, fixed = 0;
  for (isize i = 0; i + 1 < n; ++i) {
    near += std::abs(order(i) - order(i + 1)) <= 10 ? 1 : 0;
    fixed += order(i) == i ? 1 : 0;
  }
  CHECK(near < 50);  // 20 of 10,000 are expected
  CHECK(fixed < 8);  // 1 is
}

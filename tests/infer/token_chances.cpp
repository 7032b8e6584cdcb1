// token_chances: log probabilities by the logits alone, and the likeliest in order.
#include "ctgpt/infer/token_chances.hpp"

#include <doctest/doctest.h>

#include "ctgpt/base/random.hpp"

using namespace ctgpt;

namespace {
constexpr float infinity = std::numeric_limits<float>::infinity();
using floats = std::vector<float>;
}  // namespace

TEST_CASE("token_chances: the logarithm of the softmax") {
  const floats logits{1.0f, 2.0f, 0.0f, 2.0f};
  const double sum = std::exp(1.0) + 2 * std::exp(2.0) + 1.0;
  const token_record one = token_chances(logits, 0, 0);
  CHECK(one.chosen.token == 0);
  CHECK(std::fabs(one.chosen.log_probability - (1.0 - std::log(sum))) < 1e-6);
  CHECK(one.likeliest.empty());
  const floats shifted{1001.0f, 1002.0f, 1000.0f, 1002.0f};  // no overflow
  CHECK(token_chances(shifted, 0, 0).chosen.log_probability == one.chosen.log_probability);
}

TEST_CASE("token_chances: the k likeliest descend, of equals the lowest id first") {
  const floats logits{1.0f, 2.0f, 0.0f, 2.0f, -infinity};
  const auto ids_of = [&](int k) {
    std::vector<std::int32_t> ids;
    for (const token_probability& each : token_chances(logits, 2, k).likeliest) {
      ids.push_back(each.token);
    }
    return ids;
  };
  CHECK(ids_of(0).empty());
  CHECK(ids_of(1) == std::vector<std::int32_t>{1});
  CHECK(ids_of(3) == std::vector<std::int32_t>{1, 3, 0});
  CHECK(ids_of(99) == std::vector<std::int32_t>{1, 3, 0, 2, 4});
  const token_record impossible = token_chances(logits, 4, 0);
  CHECK(impossible.chosen.log_probability == std::numeric_limits<float>::lowest());
}

TEST_CASE("token_chances: the k likeliest of many are those that sorting gives") {
  random_stream random(5);
  floats logits;
  for (int i = 0; i < 5000; ++i) logits.push_back(static_cast<float>(random.below(400)));
  std::vector<std::int32_t> sorted(logits.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = static_cast<std::int32_t>(i);
  std::stable_sort(sorted.begin(), sorted.end(), [&](std::int32_t a, std::int32_t b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  const token_record record = token_chances(logits, 0, 20);
  REQUIRE(record.likeliest.size() == 20);
  for (std::size_t i = 0; i < 20; ++i) CHECK(record.likeliest[i].token == sorted[i]);
}

TEST_CASE("token_chances: logits of a damaged model are refused") {
  CHECK_THROWS_AS(token_chances(floats{1.0f, std::nanf("")}, 0, 0), error);
  CHECK_THROWS_AS(token_chances(floats{1.0f, infinity}, 0, 0), error);
  CHECK_THROWS_AS(token_chances(floats{-infinity, -infinity}, 0, 0), error);
}

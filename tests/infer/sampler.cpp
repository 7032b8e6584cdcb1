// The sampler: every filter on hand-made distributions, all of them against Hugging Face's, and the
// draws against the distribution.
#include "ctgpt/infer/sampler.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "ctgpt/io/json.hpp"

using namespace ctgpt;

namespace {

using ids = std::vector<std::int32_t>;
using floats = std::vector<float>;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr sampling everything{.temperature = 1.0f, .top_k = 0};

// Logits whose softmax is p.
floats logits_of(const floats& p) {
  floats logits;
  for (const float each : p) logits.push_back(std::log(each));
  return logits;
}

// The probability of every token.
std::vector<double> probabilities(const sampling& options, const floats& logits,
                                  const ids& history = {}) {
  sampler choose(options, static_cast<isize>(logits.size()));
  std::vector<double> all(logits.size(), 0.0);
  for (const auto& each : choose.distribution(logits, history)) {
    all[static_cast<std::size_t>(each.id)] = each.probability;
  }
  return all;
}

void check_near(const std::vector<double>& got, const std::vector<double>& wanted,
                double tolerance = 1e-6) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(std::fabs(got[i] - wanted[i]) <= tolerance);
    CHECK((got[i] == 0.0) == (wanted[i] == 0.0));
  }
}

const floats four = logits_of({0.2f, 0.4f, 0.1f, 0.3f});

}  // namespace

TEST_CASE("sampler: without filters the probabilities are the softmax of the logits") {
  check_near(probabilities(everything, four), {0.2, 0.4, 0.1, 0.3});
}

TEST_CASE("sampler: the temperature divides the logits") {
  sampling options = everything;
  options.temperature = 0.5f;  // squares the probabilities
  check_near(probabilities(options, four), {0.04 / 0.3, 0.16 / 0.3, 0.01 / 0.3, 0.09 / 0.3});
  options.temperature = 1e-30f;
  check_near(probabilities(options, four), {0, 1, 0, 0});
  options.temperature = 1e30f;
  check_near(probabilities(options, four), {0.25, 0.25, 0.25, 0.25});
}

TEST_CASE("sampler: temperature 0 takes the largest logit, the lowest id of equals") {
  const sampling greedy{.temperature = 0.0f};
  check_near(probabilities(greedy, four), {0, 1, 0, 0});
  sampler choose(greedy, 5);
  CHECK(choose.next(floats{1, 3, 3, 2, 3}, {}) == 1);
  CHECK(choose.next(floats{-infinity, -5, -infinity, -5, -9}, {}) == 1);
  CHECK(choose.next(floats{0, 0, 0, 0, 0}, {}) == 0);
}

TEST_CASE("sampler: top-k keeps the k likeliest, and everything equal to the last of them") {
  sampling options = everything;
  options.top_k = 2;
  check_near(probabilities(options, four), {0, 4.0 / 7, 0, 3.0 / 7});
  check_near(probabilities(options, {2, 1, 1, 0, 1}),
             {0.475367, 0.174878, 0.174878, 0.0, 0.174878});
  options.top_k = 4;
  check_near(probabilities(options, four), {0.2, 0.4, 0.1, 0.3});
  options.top_k = 1000;
  check_near(probabilities(options, four), {0.2, 0.4, 0.1, 0.3});
}

TEST_CASE("sampler: top-p keeps the smallest set that reaches it, the lowest ids of equals") {
  sampling options = everything;
  options.top_p = 0.35f;
  check_near(probabilities(options, four), {0, 1, 0, 0});
  options.top_p = 0.6f;
  check_near(probabilities(options, four), {0, 4.0 / 7, 0, 3.0 / 7});
  options.top_p = 0.8f;
  check_near(probabilities(options, four), {2.0 / 9, 4.0 / 9, 0, 3.0 / 9});
  options.top_p = 0.0f;
  check_near(probabilities(options, four), {0, 1, 0, 0});
  options.top_p = 0.4f;
  check_near(probabilities(options, {1, 1, 1, 1}), {0.5, 0.5, 0, 0});
  options.top_p = 0.5f;  // reached exactly by two
  check_near(probabilities(options, {1, 1, 1, 1}), {0.5, 0.5, 0, 0});
}

TEST_CASE("sampler: min-p keeps what is likely enough beside the likeliest") {
  sampling options = everything;
  options.min_p = 0.3f;  // of 0.4: at least 0.12
  check_near(probabilities(options, four), {2.0 / 9, 4.0 / 9, 0, 3.0 / 9});
  options.min_p = 1.0f;
  check_near(probabilities(options, four), {0, 1, 0, 0});
  check_near(probabilities(options, {1, 2, 2, 1}), {0, 0.5, 0.5, 0});
}

TEST_CASE("sampler: the repetition penalty divides positive logits and multiplies negative ones") {
  sampling options = everything;
  options.repetition_penalty = 2.0f;
  const floats logits{2.0f, -1.0f, 0.0f, 1.0f};
  const std::vector<double> expected = probabilities(everything, {1.0f, -2.0f, 0.0f, 1.0f});
  check_near(probabilities(options, logits, {0, 1, 2}), expected);
  // However often a token occurred, it counts once; nothing of it stays for the next call.
  check_near(probabilities(options, logits, {0, 1, 0, 2, 0, 1}), expected);
  sampler choose(options, 4);
  choose.distribution(logits, ids{0, 1, 2});
  CHECK(choose.distribution(logits, ids{}).front().probability ==
        probabilities(everything, logits).front());
}

TEST_CASE("sampler: the filters follow one another in the order of transformers") {
  // top-p looks at what top-k left: 0.4 and 0.3 become 0.57 and 0.43, so 0.5 is reached by one. Of
  // all four tokens it would have needed two.
  check_near(probabilities({.temperature = 1.0f, .top_k = 2, .top_p = 0.5f}, four), {0, 1, 0, 0});
  check_near(probabilities({.temperature = 1.0f, .top_k = 0, .top_p = 0.5f}, four),
             {0, 4.0 / 7, 0, 3.0 / 7});
  // The penalty comes before top-k, and top-p sees the temperature.
  check_near(
      probabilities({.temperature = 1.0f, .top_k = 1, .repetition_penalty = 50.0f}, four, {1}),
      {0, 0, 0, 1});
  check_near(probabilities({.temperature = 0.5f, .top_k = 0, .top_p = 0.5f}, four), {0, 1, 0, 0});
}

TEST_CASE("sampler: every combination of options gives the probabilities of transformers") {
  const std::string path = CTGPT_REPOSITORY "/tests/golden/infer/sampler.json";
  const io::json text = io::read_json(path);
  const io::json_field cases(text, path);
  REQUIRE(cases.size() == 58);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    const io::json_field one = cases[i];
    const auto number = [&](const char* key) { return static_cast<float>(one[key].number()); };
    sampling options{number("temperature"), static_cast<int>(one["top_k"].integer()),
                     number("top_p"), number("min_p"), number("repetition_penalty")};
    options.typical_p = static_cast<float>(one["typical_p"].number_or(1.0));
    floats logits;
    ids history;
    std::vector<double> wanted;
    for (std::size_t n = 0; n < one["logits"].size(); ++n) {
      logits.push_back(static_cast<float>(one["logits"][n].number()));
      wanted.push_back(one["probabilities"][n].number());
    }
    for (std::size_t n = 0; n < one["history"].size(); ++n) {
      history.push_back(static_cast<std::int32_t>(one["history"][n].integer()));
    }
    check_near(probabilities(options, logits, history), wanted, 2e-6);  // computed there in f32
  }
}

TEST_CASE(
    "sampler: bias and the penalties of the answer's tokens change the scores as OpenAI's do") {
  // mu[j] - c[j] * frequency - (c[j] > 0 ? presence : 0), of the answer alone.
  const floats logits{1.0f, 0.5f, 0.0f, -1.0f};
  const ids history{3, 3, 0, 1, 0};  // a prompt of two, and 0, 1, 0
  const std::vector<std::pair<std::int32_t, float>> bias{{2, 1.5f}, {3, -infinity}};
  sampler choose(everything, 4);
  const double scores[] = {1.0 - 2 * 0.3 - 0.2, 0.5 - 0.3 - 0.2, 0.0 + 1.5};
  double sum = 0.0;
  for (const double score : scores) sum += std::exp(score);
  const auto left = choose.distribution(
      logits, history,
      {.bias = bias, .frequency_penalty = 0.3f, .presence_penalty = 0.2f, .prompt = 2});
  REQUIRE(left.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(std::fabs(left[i].probability - std::exp(scores[i]) / sum) < 1e-6);
  }
  check_near(probabilities(everything, logits, history), probabilities(everything, logits));
}

TEST_CASE("sampler: one that becomes another goes on where that one was") {
  random_stream random(1);
  floats logits(300);
  for (float& each : logits) each = static_cast<float>(random.normal());
  const sampling one{.temperature = 1.0f, .top_k = 50, .seed = 5};
  const sampling two{.temperature = 0.7f, .top_k = 0, .top_p = 0.8f, .seed = 6, .typical_p = 0.9f};
  sampler first(one, 300), second(two, 300), both(one, 300);
  for (std::uint64_t n = 0; n < 20; ++n) {
    both.become(one, n);
    CHECK(both.next(logits, {}) == first.next(logits, {}));
    both.become(two, n);
    CHECK(both.next(logits, {}) == second.next(logits, {}));
  }
}

TEST_CASE("sampler: the k-th largest is that of sorting, whatever the scores") {
  random_stream random(9);
  for (int round = 0; round < 300; ++round) {
    floats logits(1 + random.below(300));
    const double scale = std::exp2(static_cast<double>(random.below(60)) - 30.0);
    for (float& each : logits) {
      const auto kind = random.below(12);
      each = kind == 0   ? -infinity
             : kind == 1 ? 0.0f
             : kind == 2 ? -0.0f
                         : static_cast<float>(scale * random.normal());
    }
    logits[0] = 1.0f;  // one at least that is finite
    const auto k = 1 + random.below(logits.size());
    floats sorted = logits;
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    sampling options = everything;
    options.temperature = 1e30f;  // all that is left is likely
    options.top_k = static_cast<int>(k);
    std::size_t wanted = 0;
    for (const float each : logits) {
      wanted += each >= sorted[k - 1] && each > -infinity ? 1 : 0;
    }
    const std::vector<double> got = probabilities(options, logits);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (got[i] == 0.0) continue;
      ++kept;
      CHECK(logits[i] >= sorted[k - 1]);
    }
    CHECK(kept == wanted);
  }
}

TEST_CASE("sampler: draws follow the distribution") {
  // Seed 7, 200,000 draws of 5 tokens: chi-square with 4 degrees of freedom is above 18.47 once in
  // a thousand seeds.
  const std::vector<double> p{0.5, 0.25, 0.15, 0.09, 0.01};
  const floats logits = logits_of({0.5f, 0.25f, 0.15f, 0.09f, 0.01f});
  sampling options = everything;
  options.seed = 7;
  sampler choose(options, 5);
  constexpr int draws = 200'000;
  std::vector<int> counts(5, 0);
  int pairs = 0;  // of equal neighbours: independent draws repeat with the sum of p^2
  std::int32_t before = -1;
  for (int i = 0; i < draws; ++i) {
    const std::int32_t id = choose.next(logits, {});
    pairs += id == before ? 1 : 0;
    before = id;
    ++counts[static_cast<std::size_t>(id)];
  }
  double chi = 0.0, repeat = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double expected = draws * p[i];
    chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    repeat += p[i] * p[i];
  }
  CAPTURE(chi);
  CHECK(chi < 18.47);
  const double deviation = std::sqrt(repeat * (1 - repeat) * draws);
  CHECK(std::fabs(pairs - repeat * draws) < 3.3 * deviation);
}

TEST_CASE("sampler: the seed decides the draws, and nothing else does") {
  const auto draw = [](std::uint64_t seed) {
    sampling options = everything;
    options.seed = seed;
    sampler choose(options, 4);
    ids drawn;
    for (int i = 0; i < 64; ++i) drawn.push_back(choose.next(four, {}));
    return drawn;
  };
  CHECK(draw(1) == draw(1));
  CHECK(draw(1) != draw(2));
  CHECK(draw(1) != draw(std::uint64_t{1} << 32));
  // The n-th draw does not depend on what was drawn before: other logits first, same draw after.
  sampler a(everything, 4), b(everything, 4);
  for (int i = 0; i < 5; ++i) {
    a.next(four, {});
    b.next(floats{0, 9, 0, 0}, {});
  }
  for (int i = 0; i < 20; ++i) CHECK(a.next(four, {}) == b.next(four, {}));
}

TEST_CASE("sampler: a banned token (-infinity) is never drawn") {
  sampler choose(everything, 4);
  for (int i = 0; i < 1000; ++i) {
    CHECK(choose.next(floats{-infinity, 0, -infinity, 0}, {}) % 2 == 1);
  }
  check_near(probabilities(everything, {-infinity, 0, -infinity, 0}), {0, 0.5, 0, 0.5});
}

TEST_CASE("sampler: logits that are no numbers are an error that names the token") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float temperature : {0.0f, 0.8f}) {
    sampler choose({.temperature = temperature, .top_k = 2, .top_p = 0.9f}, 3);
    CHECK_THROWS_WITH_AS(choose.next(floats{0, nan, 0}, {}),
                         doctest::Contains("the model's logit of token 1 is nan"), error);
    CHECK_THROWS_WITH_AS(choose.next(floats{nan, 0, 0}, {}), doctest::Contains("token 0"), error);
    CHECK_THROWS_WITH_AS(choose.next(floats{0, 0, infinity}, {}),
                         doctest::Contains("token 2 is inf"), error);
    CHECK_THROWS_WITH_AS(choose.next(floats{-infinity, -infinity, -infinity}, {}),
                         doctest::Contains("all -infinity"), error);
    CHECK(choose.next(floats{0, 90, 0}, {}) == 1);  // and the sampler goes on
  }
  sampler choose({.repetition_penalty = 2.0f}, 3);
  CHECK_THROWS_WITH_AS(
      choose.next(floats{0, 0, 0}, ids{3}),
      doctest::Contains("the token 3 of the history is outside the vocabulary of 3"), error);
  CHECK_THROWS_WITH_AS(choose.next(floats{0, 0}, {}),
                       doctest::Contains("made for 3 logits and got 2"), error);
  CHECK_THROWS_AS(sampler(sampling{}, 0), error);
}

TEST_CASE("sampler: options out of range are wrong usage, each with its own sentence") {
  CHECK(sampling{}.validate().empty());
  CHECK(sampling{.temperature = 0, .top_k = 0, .top_p = 0, .min_p = 1}.validate().empty());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::pair<sampling, std::string>> wrong{
      {{.temperature = -1.0f}, "the temperature must be 0 (greedy) or a positive number, not -1"},
      {{.temperature = nan}, "the temperature must be 0 (greedy) or a positive number, not nan"},
      {{.temperature = infinity},
       "the temperature must be 0 (greedy) or a positive number, not inf"},
      {{.top_k = -1}, "top-k must be 0 (off) or a positive number, not -1"},
      {{.top_p = -0.1f}, "top-p must be between 0 and 1 (off), not -0.1"},
      {{.top_p = 1.5f}, "top-p must be between 0 and 1 (off), not 1.5"},
      {{.top_p = nan}, "top-p must be between 0 and 1 (off), not nan"},
      {{.min_p = 2.0f}, "min-p must be between 0 (off) and 1, not 2"},
      {{.min_p = nan}, "min-p must be between 0 (off) and 1, not nan"},
      {{.repetition_penalty = 0.0f},
       "the repetition penalty must be between 0.01 and 100 (1: off), not 0"},
      {{.repetition_penalty = nan},
       "the repetition penalty must be between 0.01 and 100 (1: off), not nan"}};
  for (const auto& [options, sentence] : wrong) {
    CHECK(options.validate() == sentence);
    CHECK_THROWS_WITH_AS(sampler(options, 4), sentence.c_str(), usage_error);
  }
}

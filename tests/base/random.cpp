#include "ctgpt/base/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

using namespace ctgpt;

namespace {

// kat_vectors of the Random123 distribution, "philox4x32 10".
constexpr bool known_answers() {
  return philox::generate({0, 0, 0, 0}, {0, 0}) ==
             philox::words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8} &&
         philox::generate({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                          {0xffffffff, 0xffffffff}) ==
             philox::words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd} &&
         philox::generate({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                          {0xa4093822, 0x299f31d0}) ==
             philox::words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
}
static_assert(known_answers());

}  // namespace

TEST_CASE("random: Philox4x32-10 gives the known answers of Random123") { CHECK(known_answers()); }

TEST_CASE("random: a stream reads blocks (position / 4, stream) of key seed, in order") {
  const std::uint64_t seed = 0x0123456789abcdef, stream = 0xfedcba9876543210;
  random_stream random(seed, stream);
  for (std::uint32_t block = 0; block < 5; ++block) {
    const philox::words words =
        philox::generate({block, 0, 0x76543210, 0xfedcba98}, {0x89abcdef, 0x01234567});
    for (const std::uint32_t word : words) CHECK(random.next() == word);
  }
}

TEST_CASE("random: a stream that is moved to a saved position goes on with the same words") {
  random_stream first(7, 3);
  std::vector<std::uint32_t> words(100);
  for (std::uint32_t& word : words) word = first.next();
  for (std::uint64_t position = 0; position < words.size(); ++position) {
    random_stream second(7, 3);
    second.next();  // a used block must not survive the seek
    second.seek(position);
    CHECK(second.position() == position);
    for (std::size_t i = position; i < words.size(); ++i) REQUIRE(second.next() == words[i]);
    CHECK(second.position() == words.size());
  }
  // Past 2^34 words the block number needs its upper half.
  random_stream far(7, 3);
  far.seek(std::uint64_t{1} << 34);
  CHECK(far.next() == philox::generate({0, 1, 3, 0}, {7, 0})[0]);
}

TEST_CASE("random: seeds and streams are different sequences") {
  std::vector<std::uint64_t> firsts;
  for (const std::uint64_t seed : {0ull, 1ull, 1ull << 32}) {
    for (const std::uint64_t stream : {0ull, 1ull, 1ull << 32}) {
      random_stream random(seed, stream);
      const std::uint64_t high = random.next();
      firsts.push_back(high << 32 | random.next());
    }
  }
  std::sort(firsts.begin(), firsts.end());
  CHECK(std::adjacent_find(firsts.begin(), firsts.end()) == firsts.end());
}

TEST_CASE("random: uniform() covers [0, 1) evenly") {
  random_stream random(11);
  std::array<int, 16> counts{};
  for (int i = 0; i < 160000; ++i) {
    const float value = random.uniform();
    REQUIRE(value >= 0.0f);
    REQUIRE(value < 1.0f);
    ++counts[static_cast<std::size_t>(value * 16)];
  }
  double chi_squared = 0.0;
  for (const int count : counts) chi_squared += (count - 10000.0) * (count - 10000.0) / 10000.0;
  CHECK(chi_squared < 37.7);  // 15 degrees of freedom, one in a thousand
}

TEST_CASE("random: below() stays below its bound and reaches every value") {
  random_stream random(12);
  for (int i = 0; i < 100; ++i) CHECK(random.below(1) == 0);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts.at(random.below(7));
  for (const int count : counts) CHECK(std::abs(count - 10000) < 400);  // over four sigma
  const std::uint64_t largest = std::uint64_t{1} << 32;
  std::uint64_t highest = 0;
  for (int i = 0; i < 1000; ++i) highest = std::max(highest, random.below(largest));
  CHECK(highest < largest);
  CHECK(highest > largest / 100 * 95);
}

TEST_CASE("random: below() scales 64 bits exactly, also to bounds past 32 bits") {
  random_stream drawn(12), words(12);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t any = 0x9e3779b97f4a7c15u * static_cast<std::uint64_t>(i + 1);
    const std::uint64_t bound = (any | std::uint64_t{1} << 63) >> (i % 60);
    const std::uint64_t high = words.next(), low = words.next();
    __extension__ using wide = unsigned __int128;
    const auto expected = static_cast<std::uint64_t>((wide{high << 32 | low} * bound) >> 64);
    REQUIRE(drawn.below(bound) == expected);
  }
}

TEST_CASE("random: normal() has the moments of the standard normal") {
  random_stream random(13);
  const int count = 200000;
  double sum = 0, squares = 0, cubes = 0, fourths = 0;
  for (int i = 0; i < count; ++i) {
    const double x = random.normal();
    REQUIRE(std::isfinite(x));
    sum += x;
    squares += x * x;
    cubes += x * x * x;
    fourths += x * x * x * x;
  }
  // Four standard errors: 1, 2, 15 and 96 are the variances of the powers.
  CHECK(std::abs(sum / count) < 4 * std::sqrt(1.0 / count));
  CHECK(std::abs(squares / count - 1) < 4 * std::sqrt(2.0 / count));
  CHECK(std::abs(cubes / count) < 4 * std::sqrt(15.0 / count));
  CHECK(std::abs(fourths / count - 3) < 4 * std::sqrt(96.0 / count));
}

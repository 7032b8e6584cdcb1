#include "ctgpt/base/blocks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "ctgpt/base/hash.hpp"

using namespace ctgpt;

namespace {

// The weights of golden/make_blocks.py, which prints the hashes below.
std::vector<float> golden_weights() {
  std::vector<float> weights(32 * 64);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = static_cast<float>(static_cast<int>((i * 7919 + 13) % 2003) - 1001) / 512.0f;
    if (i / 32 == 5) weights[i] = 0.0f;
    if (i / 32 == 6) weights[i] *= 0x1p-20f;
    if (i / 32 == 7) weights[i] *= 1000.0f;
  }
  return weights;
}

template <class T>
std::string hash_of(const std::vector<T>& values) {
  sha256 hash;
  hash.update(std::as_bytes(std::span(values)));
  return to_hex(hash.finish());
}

template <class Block>
struct round_trip {
  std::vector<Block> blocks;
  std::vector<float> values;
};

template <class Block>
round_trip<Block> quantize_all(const std::vector<float>& weights) {
  round_trip<Block> result{std::vector<Block>(weights.size() / 32),
                           std::vector<float>(weights.size())};
  for (std::size_t i = 0; i < result.blocks.size(); ++i) {
    quantize(weights.data() + 32 * i, result.blocks[i]);
    dequantize(result.blocks[i], result.values.data() + 32 * i);
  }
  return result;
}

// All finite positive halves, ascending.
std::vector<double> positive_halves() {
  std::vector<double> halves(0x7c00);
  for (std::uint32_t bits = 0; bits < halves.size(); ++bits) {
    // From the definition: 2^-24 * fraction, or 2^(exponent - 25) * (1024 + fraction).
    const int exponent = static_cast<int>(bits >> 10), fraction = static_cast<int>(bits & 1023);
    halves[bits] =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  }
  return halves;
}

}  // namespace

TEST_CASE("blocks: q8_0 equals ggml's bytes and values") {
  const auto result = quantize_all<block_q8_0>(golden_weights());
  CHECK(to_hex(std::span(reinterpret_cast<const std::uint8_t*>(result.blocks.data()), 34)) ==
        "c82381776b5f53473b2f23170bfff3e7dbcfc3b7ab9f93877d7165594d4135291d11");
  CHECK(hash_of(result.blocks) ==
        "0502d7b315769d13d2f5ca1a3f886e1aba134c0898f155bae1fdc9d1efe065ff");
  CHECK(hash_of(result.values) ==
        "85541671adf248532b6de8b9d5b12f2a09c65e16f9ec5822f423bbfb8d615658");
}

TEST_CASE("blocks: q4_0 equals ggml's bytes and values") {
  const auto result = quantize_all<block_q4_0>(golden_weights());
  CHECK(to_hex(std::span(reinterpret_cast<const std::uint8_t*>(result.blocks.data()), 18)) ==
        "b833403f3f2e1d0cfcfbeae9d9c8b7b6a695");
  CHECK(hash_of(result.blocks) ==
        "c8d13e95ccaa9461fa69b6008e22fac8b421a022c910d02c7631f6ce34bdd533");
  CHECK(hash_of(result.values) ==
        "b21cd2e31025a1a7fc26b3bc78bf65dfa1e803c66da47e708eb91a5da799fe3a");
}

TEST_CASE("blocks: errors stay within half a step of each format") {
  const std::vector<float> weights = golden_weights();
  const auto bytes = quantize_all<block_q8_0>(weights);
  const auto nibbles = quantize_all<block_q4_0>(weights);
  for (std::size_t block = 0; block < 64; ++block) {
    const auto first = weights.begin() + static_cast<std::ptrdiff_t>(32 * block);
    const float largest = std::abs(*std::max_element(
        first, first + 32, [](float a, float b) { return std::abs(a) < std::abs(b); }));
    for (std::size_t i = 32 * block; i < 32 * block + 32; ++i) {
      // Half a step, and the rounding of the scale to f16 (2^-11, or 2^-25 where it is subnormal).
      const float slack = largest * 0x1p-10f + 128 * 0x1p-25f;
      CHECK(std::abs(bytes.values[i] - weights[i]) <= largest / 254.0f + slack);
      // A weight opposite to the extreme one may lie a whole step past the last nibble.
      CHECK(std::abs(nibbles.values[i] - weights[i]) <= largest / 8.0f + slack);
    }
  }
}

TEST_CASE("blocks: every f16 survives the way to float and back") {
  const std::vector<double> halves = positive_halves();
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = half_to_float(half);
    const std::uint32_t magnitude = bits & 0x7fff;
    if (magnitude > 0x7c00) {
      wrong += !std::isnan(value) || !std::isnan(half_to_float(float_to_half(value)));
      continue;
    }
    wrong += float_to_half(value) != half;
    wrong += std::signbit(value) != (bits > 0x7fff);
    if (magnitude < 0x7c00) wrong += std::abs(value) != halves[magnitude];
    if (magnitude == 0x7c00) wrong += !std::isinf(value);
  }
  CHECK(wrong == 0);
}

TEST_CASE("blocks: float to f16 is the nearest, ties to even, around every midpoint") {
  std::vector<double> halves = positive_halves();
  halves.push_back(65536.0);  // what the next step would be: infinity begins half way there
  int wrong = 0;
  for (std::uint32_t bits = 0; bits + 1 < halves.size(); ++bits) {
    const double middle = (halves[bits] + halves[bits + 1]) / 2;
    const auto exact = static_cast<float>(middle);  // midpoints of halves are floats
    const std::uint32_t even = (bits & 1) == 0 ? bits : bits + 1;
    const float infinity = std::numeric_limits<float>::infinity();
    wrong += float_to_half(exact) != even;
    wrong += float_to_half(std::nextafter(exact, 0.0f)) != bits;
    wrong += float_to_half(std::nextafter(exact, infinity)) != bits + 1;
    wrong += float_to_half(-exact) != (even | 0x8000);
  }
  CHECK(wrong == 0);
  CHECK(float_to_half(std::numeric_limits<float>::max()) == 0x7c00);
  CHECK(float_to_half(-std::numeric_limits<float>::infinity()) == 0xfc00);
  CHECK(float_to_half(std::numeric_limits<float>::denorm_min()) == 0);
}

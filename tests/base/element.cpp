#include "ctgpt/base/element.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "ctgpt/base/complex.hpp"
#include "ctgpt/base/random.hpp"

using namespace ctgpt;

namespace {

float from_bits(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }
std::uint32_t bits_of(float value) { return __builtin_bit_cast(std::uint32_t, value); }

// The nearest bf16, found by comparing distances in double instead of by adding to the bits.
bf16 nearest_bf16(float value) {
  const auto low = static_cast<std::uint16_t>(bits_of(value) >> 16);  // towards zero
  const auto high = static_cast<std::uint16_t>(low + 1);
  const double below = std::fabs(static_cast<double>(to_float(bf16{low})));
  const double magnitude = std::fabs(static_cast<double>(value));
  // Past the largest finite bf16 the next step would be 2^128, where infinity begins.
  const double above =
      (high & 0x7fff) == 0x7f80 ? 0x1p128 : std::fabs(static_cast<double>(to_float(bf16{high})));
  if (magnitude - below < above - magnitude) return bf16{low};
  if (magnitude - below > above - magnitude) return bf16{high};
  return bf16{(low & 1) == 0 ? low : high};
}

constexpr bool rounds_at_compile_time() {
  return to_bf16(1.0f).bits == 0x3f80 && to_bf16(-2.5f).bits == 0xc020 &&
         to_float(bf16{0x4049}) == 3.140625f &&
         to_bf16(1.00390625f).bits == 0x3f80 &&  // 1 + 2^-8: a tie, to even
         to_bf16(1.01171875f).bits == 0x3f82;    // 1 + 3 * 2^-8: a tie, to even
}
static_assert(rounds_at_compile_time());

}  // namespace

TEST_CASE("element: every bf16 survives the way to float and back") {
  CHECK(rounds_at_compile_time());
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const bf16 value{static_cast<std::uint16_t>(bits)};
    const bool nan = (bits & 0x7fff) > 0x7f80;
    // A signalling NaN becomes a quiet one.
    const std::uint32_t expected = nan ? bits | 0x40 : bits;
    wrong += to_bf16(to_float(value)).bits != expected;
  }
  CHECK(wrong == 0);
}

TEST_CASE("element: float to bf16 is the nearest, ties to even, for every upper half") {
  int wrong = 0;
  random_stream random(1);
  for (std::uint32_t upper = 0; upper < 0x10000; ++upper) {
    if ((upper & 0x7fff) >= 0x7f80) continue;  // infinities and NaN
    for (const std::uint32_t lower :
         {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu, random.next() >> 16}) {
      const float value = from_bits(upper << 16 | lower);
      wrong += to_bf16(value).bits != nearest_bf16(value).bits;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("element: bf16 keeps NaN and infinity, and overflow goes to infinity") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(to_bf16(infinity).bits == 0x7f80);
  CHECK(to_bf16(-infinity).bits == 0xff80);
  CHECK(to_bf16(std::numeric_limits<float>::max()).bits == 0x7f80);
  CHECK(to_bf16(-std::numeric_limits<float>::max()).bits == 0xff80);
  // NaNs whose payload lies only in the half that is dropped must not turn into infinity.
  for (const std::uint32_t bits :
       {0x7f800001u, 0xff800001u, 0x7fffffffu, 0xffffffffu, 0x7fc00000u}) {
    const bf16 value = to_bf16(from_bits(bits));
    CHECK(std::isnan(to_float(value)));
    CHECK((value.bits >> 15) == (bits >> 31));
  }
}

TEST_CASE("element: sizes and names of what a tensor stores") {
  CHECK(element_bytes(element::f32, 3) == 12);
  CHECK(element_bytes(element::i32) == 4);
  CHECK(element_bytes(element::u32, 2) == 8);
  CHECK(element_bytes(element::bf16, 5) == 10);
  CHECK(element_bytes(element::f64, 2) == 16);
  CHECK(element_bytes(element::complex128, 2) == 32);
  CHECK(element_bytes(element::u8, 7) == 7);
  CHECK(element_bytes(element::q8_0, 64) == 68);
  CHECK(element_bytes(element::q4_0, 64) == 36);
  CHECK(element_bytes(element::none, 64) == 0);
  // A terabyte of weights must not overflow on the way.
  CHECK(element_bytes(element::f32, isize{1} << 38) == isize{1} << 40);
  CHECK(element_of<float> == element::f32);
  CHECK(element_of<bf16> == element::bf16);
  CHECK(element_of<std::complex<double>> == element::complex128);
  CHECK(element_of<char> == element::none);
  CHECK(std::string_view(element_name(element::q4_0)) == "q4_0");
}

// Quantised block layouts: 32 weights of one row share a scale.
//
// q8_0: scale (f16) and 32 signed bytes;      w[i] = scale * value[i]
// q4_0: scale (f16) and 16 bytes of nibbles;  w[i] = scale * (low nibble of byte i - 8),
//                                             w[i + 16] = scale * (high nibble of byte i - 8)
// Rounding: q8_0 scales by max|w| / 127 and rounds to nearest, ties away from zero; q4_0 scales by
// the signed value of largest magnitude / -8 and truncates w / scale + 8.5, capped at 15.
// Shapes: a row of K weights is K / 32 blocks; K % 32 == 0.
// Errors: none.
// Reference: the GGUF file format, types 8 and 2: ggml's block_q8_0 and block_q4_0, byte for byte.
#pragma once

#include <cmath>
#include <cstdint>

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI {

inline constexpr isize block_length = 32;

struct block_q8_0 {
  std::uint16_t scale;  // IEEE binary16
  std::int8_t values[32];
};
struct block_q4_0 {
  std::uint16_t scale;  // IEEE binary16
  std::uint8_t nibbles[16];
};
static_assert(sizeof(block_q8_0) == 34 && sizeof(block_q4_0) == 18);

// IEEE binary16 to binary32, exact.
inline float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 31u;
  const std::uint32_t fraction = half & 0x3ffu;
  if (exponent == 31u) {
    return __builtin_bit_cast(float, sign | 0x7f800000u | (fraction << 13));
  }
  if (exponent == 0u) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0u ? -magnitude : magnitude;
  }
  return __builtin_bit_cast(float, sign | ((exponent + 112u) << 23) | (fraction << 13));
}

// binary32 to IEEE binary16, to nearest, ties to even; overflow to infinity.
inline std::uint16_t float_to_half(float value) {
  const auto bits = __builtin_bit_cast(std::uint32_t, value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {  // subnormal in f16: the addition rounds to a multiple of 2^-24
    const float shifted = __builtin_bit_cast(float, magnitude) + 0.5f;
    return static_cast<std::uint16_t>(
        sign |
        static_cast<std::uint16_t>(__builtin_bit_cast(std::uint32_t, shifted) - 0x3f000000u));
  }
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u;
  return static_cast<std::uint16_t>(sign | (rounded >> 13));
}

inline void quantize(const float* weights, block_q8_0& block) {
  float largest = 0.0f;
  for (isize i = 0; i < block_length; ++i) largest = std::fmax(largest, std::fabs(weights[i]));
  const float scale = largest / 127.0f;
  const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  block.scale = float_to_half(scale);
  for (isize i = 0; i < block_length; ++i) {
    block.values[i] = static_cast<std::int8_t>(std::round(weights[i] * inverse));
  }
}

inline void quantize(const float* weights, block_q4_0& block) {
  float extreme = 0.0f;
  for (isize i = 0; i < block_length; ++i) {
    if (std::fabs(weights[i]) > std::fabs(extreme)) extreme = weights[i];
  }
  const float scale = extreme / -8.0f;
  const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  block.scale = float_to_half(scale);
  const auto nibble = [inverse](float weight) {
    return static_cast<std::uint8_t>(std::fmin(15.0f, std::floor(weight * inverse + 8.5f)));
  };
  for (isize i = 0; i < 16; ++i) {
    block.nibbles[i] =
        static_cast<std::uint8_t>(nibble(weights[i]) | (nibble(weights[i + 16]) << 4));
  }
}

inline void dequantize(const block_q8_0& block, float* weights) {
  const float scale = half_to_float(block.scale);
  for (isize i = 0; i < block_length; ++i) weights[i] = scale * static_cast<float>(block.values[i]);
}

inline void dequantize(const block_q4_0& block, float* weights) {
  const float scale = half_to_float(block.scale);
  for (isize i = 0; i < 16; ++i) {
    weights[i] = scale * static_cast<float>((block.nibbles[i] & 15) - 8);
    weights[i + 16] = scale * static_cast<float>((block.nibbles[i] >> 4) - 8);
  }
}

}  // namespace ctgpt::inline CTGPT_ABI

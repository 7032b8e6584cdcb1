// Scalar vocabulary: the index type, the element types that a tensor can store, and bf16.
//
// bf16 is the upper half of an IEEE binary32. Conversion from float rounds to nearest, ties to
// even; NaN stays NaN (quiet bit set), and overflow goes to infinity. Block formats (q8_0, q4_0)
// are described in base/blocks.hpp; an element of them has no address of its own, so
// element_bytes() asks for a count that is a multiple of the block.
// Errors: none.
// Reference: Intel, "BFLOAT16 - Hardware Numerics Definition", 2018.
#pragma once

#include <cstdint>
#include <cstring>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI {

// Signed size and index type, as std::ptrdiff_t.
using isize = std::int64_t;

// A size that is known only at run time, as std::dynamic_extent.
inline constexpr isize dyn = -1;

struct bf16 {
  std::uint16_t bits = 0;
};

inline constexpr float to_float(bf16 value) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(value.bits) << 16);
}

inline constexpr bf16 to_bf16(float value) {
  const auto bits = __builtin_bit_cast(std::uint32_t, value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return bf16{static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  }
  const std::uint32_t rounding = 0x7fffu + ((bits >> 16) & 1u);
  return bf16{static_cast<std::uint16_t>((bits + rounding) >> 16)};
}

// What a tensor stores. none marks an absent optional tensor.
enum class element : std::uint8_t { none, f32, bf16, f64, complex128, i32, u32, u8, q8_0, q4_0 };

// Bytes of `count` consecutive elements.
// Requires: count % 32 == 0 for q8_0 and q4_0.
inline constexpr isize element_bytes(element type, isize count = 1) {
  switch (type) {
    case element::f32:
    case element::i32:
    case element::u32:
      return 4 * count;
    case element::bf16:
      return 2 * count;
    case element::f64:
      return 8 * count;
    case element::complex128:
      return 16 * count;
    case element::u8:
      return count;
    case element::q8_0:
      return count / 32 * 34;
    case element::q4_0:
      return count / 32 * 18;
    case element::none:
      break;
  }
  return 0;
}

inline constexpr const char* element_name(element type) {
  switch (type) {
    case element::f32:
      return "f32";
    case element::bf16:
      return "bf16";
    case element::f64:
      return "f64";
    case element::complex128:
      return "complex128";
    case element::i32:
      return "i32";
    case element::u32:
      return "u32";
    case element::u8:
      return "u8";
    case element::q8_0:
      return "q8_0";
    case element::q4_0:
      return "q4_0";
    case element::none:
      break;
  }
  return "none";
}

// The element type that stores the C++ scalar T.
template <class T>
inline constexpr element element_of = element::none;
template <>
inline constexpr element element_of<float> = element::f32;
template <>
inline constexpr element element_of<bf16> = element::bf16;
template <>
inline constexpr element element_of<double> = element::f64;
template <>
inline constexpr element element_of<std::int32_t> = element::i32;
template <>
inline constexpr element element_of<std::uint32_t> = element::u32;
template <>
inline constexpr element element_of<std::uint8_t> = element::u8;

}  // namespace ctgpt::inline CTGPT_ABI

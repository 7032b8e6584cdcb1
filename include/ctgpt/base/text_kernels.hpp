// The one vectorised function that texts need: which of 64 bytes are of which ASCII class.
//
// ascii_masks m;
// text_kernels::classify()(text, m);    bit i of a mask tells of text[i]
//
// A function pointer with a portable default; the CPU dispatch unit puts the kernel of the
// machine's instruction set in its place in a program that uses the cpu backend. Either gives the
// same masks.
// Requires: 64 readable bytes.
// Errors: none.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ctgpt/base/ascii_masks.hpp"

namespace ctgpt::inline CTGPT_ABI {

namespace text_kernels {

using classify_function = void (*)(const char* text, ascii_masks& masks);

// Eight bytes at a time, in a register of 64 bits.
inline void classify_portable(const char* text, ascii_masks& masks) {
  constexpr std::uint64_t ones = 0x0101010101010101u, tops = 0x80 * ones;
  const auto above = [](std::uint64_t seven, std::uint64_t least) {  // seven >= least, in bit 7
    return (seven + (0x80 - least) * ones) & tops;
  };
  const auto packed = [](std::uint64_t flags) {  // bit 7 of each byte, together in one byte
    return ((flags >> 7) * 0x0102040810204080u) >> 56;
  };
  masks = {};
  for (unsigned i = 0; i < 64; i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, text + i, 8);
    const std::uint64_t seven = eight & ~tops, ascii = ~eight & tops;
    const auto is = [&](std::uint64_t byte) { return ~above(seven ^ (byte * ones), 1) & ascii; };
    const auto within = [&](std::uint64_t first, std::uint64_t last) {
      return above(seven, first) & ~above(seven, last + 1) & ascii;
    };
    const auto put = [&](std::uint64_t& mask, std::uint64_t flags) { mask |= packed(flags) << i; };
    const std::uint64_t blank = is(' ');
    put(masks.upper, within('A', 'Z'));
    put(masks.lower, within('a', 'z'));
    put(masks.digit, within('0', '9'));
    put(masks.space, within(9, 13) | blank);
    put(masks.newline, is('\n') | is('\r'));
    put(masks.blank, blank);
    put(masks.apostrophe, is('\''));
    put(masks.slash, is('/'));
    put(masks.high, eight & tops);
  }
}

inline std::atomic<classify_function>& classify_slot() {
  static std::atomic<classify_function> slot{classify_portable};
  return slot;
}
inline classify_function classify() { return classify_slot().load(std::memory_order_relaxed); }

}  // namespace text_kernels
}  // namespace ctgpt::inline CTGPT_ABI

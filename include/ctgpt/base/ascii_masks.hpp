// Which of 64 bytes of a text are of which ASCII class: what base/text_kernels.hpp computes.
//
// ascii_masks m;    bit i of a mask tells of byte i
//
// A byte in no mask is a symbol or a control character.
// Errors: none.
#pragma once

#include <cstdint>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct ascii_masks {
  std::uint64_t upper, lower, digit;
  std::uint64_t space;    // blank, and 9 to 13: newlines among them
  std::uint64_t newline;  // CR, LF
  std::uint64_t blank, apostrophe, slash;
  std::uint64_t high;  // not ASCII
};

}  // namespace ctgpt::inline CTGPT_ABI

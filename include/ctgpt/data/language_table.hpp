// How the weights of a language model are kept in a header.
//
// A table has `slots` rows of one weight a language; n-grams are hashed to a row. A weight is
// scale * (v - 7) with v from 0 to 14; three of them, row by row, are two digits of base 64.
// Errors: none.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct language_table {
  std::span<const std::string_view> codes;
  std::span<const float> biases;  // one a language
  float scale;
  std::size_t slots;
  std::string_view weights;
};

}  // namespace ctgpt::inline CTGPT_ABI::data

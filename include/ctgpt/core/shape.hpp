// shape<768>: the compile-time shape of one token's row, for messages about shapes that do not fit.
#pragma once

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <isize... Sizes>
struct shape {};

}  // namespace ctgpt::inline CTGPT_ABI

// shape<768>: the compile-time shape of one token's row, for messages about shapes that do not fit.
//
// A type without contents: in follows<2, linear<265, 64>, shape<265>, shape<256>> the compiler
// prints both widths, on every compiler the same way.
// Errors: none of its own; layer/chain.hpp is where two shapes are compared.
#pragma once

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <isize... Sizes>
struct shape {};

}  // namespace ctgpt::inline CTGPT_ABI

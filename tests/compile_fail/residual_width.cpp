// expect: ctgpt::residual: the branch must end with the width that it began with
// expect: shape<64>
// expect: shape<32>
#include "ctgpt/layer/chain.hpp"
#include "ctgpt/layer/linear.hpp"

using namespace ctgpt::parts;

#ifdef MUST_FAIL
constexpr ctgpt::isize end = 32;
#else
constexpr ctgpt::isize end = 64;
#endif
using branch = residual<linear<64, 256>, linear<256, end>>;
static_assert(branch{}.output() == end);

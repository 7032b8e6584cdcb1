// A chain whose layers do not fit: the numbers are in the message, and the layer's place.
// expect: ctgpt::chain: a layer cannot follow the previous one
// expect: follows<2,
// expect: linear<265, 64
// expect: shape<265>
// expect: shape<256>
#include "ctgpt/layer/chain.hpp"
#include "ctgpt/layer/linear.hpp"

using namespace ctgpt::parts;

#ifdef MUST_FAIL
constexpr ctgpt::isize hidden = 265;
#else
constexpr ctgpt::isize hidden = 256;
#endif
using mlp_layers = chain<linear<64, 256>, linear<hidden, 64>>;
static_assert(mlp_layers{}.input() == 64);

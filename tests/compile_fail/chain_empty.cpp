// expect: ctgpt::chain: a chain needs at least one layer
#include "ctgpt/layer/chain.hpp"
#include "ctgpt/layer/linear.hpp"

using namespace ctgpt::parts;

#ifdef MUST_FAIL
using layers = chain<>;
#else
using layers = chain<linear<4, 4> >;
#endif
static_assert(layers{}.input() == 4);

// expect: ctgpt::norm_layer: a bias needs a gain
#include "ctgpt/layer/norm.hpp"

using namespace ctgpt::parts;

#ifdef MUST_FAIL
constexpr bool scaled = false;
#else
constexpr bool scaled = true;
#endif
using biased = norm_layer<64, ctgpt::normalization::layer, scaled, true>;
static_assert(biased{}.input() == 64);

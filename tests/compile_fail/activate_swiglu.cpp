// expect: ctgpt::activate: swiglu halves the width; use the swiglu layer of mlp.hpp
#include "ctgpt/layer/activation.hpp"
#include "ctgpt/layer/mlp.hpp"

using namespace ctgpt::parts;

#ifdef MUST_FAIL
using gated = activate<64, ctgpt::activation::swiglu>;
#else
using gated = swiglu<64, 128>;
#endif
static_assert(gated{}.input() == 64);

// expect: ctgpt::causal_attention: rope needs an even head size
#include "ctgpt/layer/attention.hpp"

using namespace ctgpt::parts;

constexpr ctgpt::config odd{.heads = 4, .width = 20};
#ifdef MUST_FAIL
using layer = causal_attention<odd, rope>;
#else
using layer = causal_attention<odd, alibi>;
#endif
static_assert(layer{}.input() == 20);

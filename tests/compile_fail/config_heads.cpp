// expect: ctgpt::config: width must be a multiple of heads, or head_size be given
#include "ctgpt/model/gpt.hpp"

#ifdef MUST_FAIL
constexpr ctgpt::config c{.heads = 6, .width = 128};
#else
constexpr ctgpt::config c{.heads = 6, .width = 128, .head_size = 16};
#endif
struct model : ctgpt::gpt<c> {};
static_assert(model::width == 128);

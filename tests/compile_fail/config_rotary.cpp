// expect: ctgpt::config: rotary positions need an even head size
#include "ctgpt/model/gpt.hpp"

#ifdef MUST_FAIL
constexpr ctgpt::config c{.heads = 4, .width = 20, .position = ctgpt::positions::rotary};
#else
constexpr ctgpt::config c{.heads = 4, .width = 24, .position = ctgpt::positions::rotary};
#endif
struct model : ctgpt::gpt<c> {};
static_assert(model::width == c.width);

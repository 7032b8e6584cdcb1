// expect: ctgpt::config: full_every needs a window
#include "ctgpt/model/gpt.hpp"

#ifdef MUST_FAIL
constexpr ctgpt::config c{.full_every = 4};
#else
constexpr ctgpt::config c{.window = 64, .full_every = 4};
#endif
struct model : ctgpt::gpt<c> {};
static_assert(model::width == 128);

// expect: ctgpt::config: kv_heads must divide heads
#include "ctgpt/model/gpt.hpp"

#ifdef MUST_FAIL
constexpr ctgpt::config c{.heads = 8, .width = 128, .kv_heads = 3};
#else
constexpr ctgpt::config c{.heads = 8, .width = 128, .kv_heads = 2};
#endif
struct model : ctgpt::gpt<c> {};
static_assert(model::width == 128);

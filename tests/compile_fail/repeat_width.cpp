// expect: ctgpt::repeat: a repeated layer must keep the width of its input
// expect: shape<64>
// expect: shape<32>
#include "ctgpt/layer/linear.hpp"
#include "ctgpt/layer/repeat.hpp"

using namespace ctgpt::parts;

#ifdef MUST_FAIL
constexpr ctgpt::isize end = 32;
#else
constexpr ctgpt::isize end = 64;
#endif
constexpr repeat<2, linear<64, end>> twice{};
static_assert(twice.input() == 64);

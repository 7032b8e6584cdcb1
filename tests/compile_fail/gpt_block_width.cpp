// A block of one's own must take rows of the model's width.
// expect: ctgpt::gpt: the block must take rows of the model's width
// expect: shape<96>
// expect: shape<128>
#include "ctgpt/model/gpt.hpp"

using namespace ctgpt::parts;

#ifdef MUST_FAIL
constexpr ctgpt::isize width = 96;
#else
constexpr ctgpt::isize width = 128;
#endif
template <ctgpt::config C>
struct my_block : residual<rms_norm<width>, swiglu<width, 256>> {};

constexpr ctgpt::config c{.width = 128};
struct model : ctgpt::gpt<c, my_block> {};
static_assert(model::width == 128);

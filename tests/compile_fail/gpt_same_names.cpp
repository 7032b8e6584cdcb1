// Two layers of one block whose parameters would have one name in a saved file.
// expect: ctgpt::gpt: two parameters of the block have the same name; put one of their layers into
#include "ctgpt/model/gpt.hpp"

constexpr ctgpt::config tiny{.width = 32};
#ifdef MUST_FAIL
template <ctgpt::config C>
struct block : ctgpt::residual<ctgpt::parts::linear<32, 32>, ctgpt::parts::linear<32, 32>> {};
#else
template <ctgpt::config C>
struct block : ctgpt::residual<ctgpt::named<ctgpt::part::first, ctgpt::parts::linear<32, 32>>,
                               ctgpt::named<ctgpt::part::second, ctgpt::parts::linear<32, 32>>> {};
#endif
struct model : ctgpt::gpt<tiny, block> {};
static_assert(model::parameter_count > 0);

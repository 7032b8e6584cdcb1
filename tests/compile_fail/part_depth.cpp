// More names around a parameter than its path has room for.
// expect: a_parameter_lies_within_at_most_eight_names
#include "ctgpt/layer/chain.hpp"
#include "ctgpt/layer/linear.hpp"

using namespace ctgpt;
using namespace ctgpt::parts;

template <class Layer>
using deeper = named<part::outer, named<part::inner, named<part::mix, Layer>>>;
#ifdef MUST_FAIL
using layer_within = deeper<deeper<named<part::extra, named<part::first, linear<2, 2>>>>>;
#else
using layer_within = deeper<deeper<named<part::extra, linear<2, 2>>>>;
#endif
constexpr auto slots = layer_within{}.slots();
static_assert(slots.size() == 6);

// A layer that hands a row of the wrong width to an operation does not compile.
// expect: no matching
// expect: linear
#include "ctgpt/ops.hpp"

#ifdef MUST_FAIL
constexpr ctgpt::isize in = 65;
#else
constexpr ctgpt::isize in = 64;
#endif
void forward(ctgpt::ops& run, ctgpt::rows<256> y, ctgpt::rows<in> x,
             ctgpt::matrix<256, 64> weight) {
  run.linear(y, x, weight);
}

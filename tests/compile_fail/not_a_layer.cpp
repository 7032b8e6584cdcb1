// A type without what a layer has.
// expect: this is not a layer; it needs in_width, out_width, slot_count
// expect: is_layer<
#include "ctgpt/layer/chain.hpp"
#include "ctgpt/layer/linear.hpp"

using namespace ctgpt::parts;

struct forgets_backward {
  static constexpr ctgpt::isize in_width = 4, out_width = 4;
  static constexpr int slot_count = 0;
  constexpr ctgpt::isize input() const { return 4; }
  constexpr ctgpt::isize output() const { return 4; }
  constexpr ctgpt::slot_list<0> slots() const { return {}; }
  constexpr ctgpt::isize tape() const { return 0; }
  constexpr ctgpt::isize statistics() const { return 0; }
  constexpr ctgpt::isize scratch() const { return 0; }
  void forward(ctgpt::ops& run, const ctgpt::frame&, ctgpt::rows<4> x, ctgpt::rows<4> y) const {
    run.copy(y, x);
  }
#ifndef MUST_FAIL
  void backward(ctgpt::ops& run, const ctgpt::frame&, ctgpt::rows<4>, ctgpt::rows<4> dy,
                ctgpt::rows<4> dx) const {
    run.copy(dx, dy);
  }
#endif
};
using layers = chain<linear<4, 4>, forgets_backward>;
static_assert(layers{}.input() == 4);

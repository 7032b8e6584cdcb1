// linear: y = x W^T + b, and its gradients.
#include "ctgpt/layer/linear.hpp"

#include "layer/layers.hpp"

using namespace ctgpt_test;
using namespace ctgpt::parts;

namespace {

constexpr bool sizes_are_constants() {
  constexpr linear<5, 7> with{};
  constexpr linear<5, 7, false> without{};
  static_assert(with.slots().count == 2 && without.slots().count == 1);
  return with.input() == 5 && with.output() == 7 && with.slots().size() == 42 &&
         without.slots().size() == 35 && with.tape() == 0 && with.statistics() == 0 &&
         with.scratch() == 0 && with.slots()[0].rows == 7 && with.slots()[0].cols == 5 &&
         with.slots()[0].decays() && !with.slots()[1].decays() &&
         with.slots()[0].path.ends_with(part::weight) && with.slots()[1].path.ends_with(part::bias);
}
static_assert(sizes_are_constants());
static_assert(linear<5, 7>::slot_count == 2 && linear<5, 7, false>::slot_count == 1);
static_assert(std::is_empty_v<linear<5, 7>> && std::is_empty_v<linear<768, 3072, false>>);
static_assert(linear<5, 7, true, initializer::residual>{}.slots()[0].start ==
              initializer::residual);

}  // namespace

TEST_CASE("linear: its sizes are constants") { CHECK(sizes_are_constants()); }

TEST_CASE("linear: the gradient equals the complex step, with and without a bias") {
  check_layer<linear<5, 7>>();
  check_layer<linear<5, 7, false>>();
  check_layer<linear<1, 1>>({.batch = 1, .time = 1});
  check_layer<linear<17, 3>>({.batch = 3, .time = 4});
}

TEST_CASE("linear: forward is the product that its comment states") {
  layer_run<linear<5, 7>> run;
  const std::vector<double> w = run.numbers(run.weights), x = run.numbers(run.x);
  check_close(run.output(), affine(x, w.data(), w.data() + 35, 7, 5));
  layer_run<linear<5, 7, false>> bare;
  check_close(bare.output(),
              affine(bare.numbers(bare.x), bare.numbers(bare.weights).data(), nullptr, 7, 5));
}

TEST_CASE("linear: gradients are added to what is there") {
  layer_run<linear<5, 7>> once, twice;
  once.forward();
  once.backward();
  twice.forward();
  twice.backward();
  twice.backward();
  std::vector<double> doubled = once.numbers(once.gradients);
  for (double& value : doubled) value *= 2.0;
  check_close(twice.numbers(twice.gradients), doubled);
  CHECK(twice.numbers(twice.dx) == once.numbers(once.dx));  // the input's is overwritten
}

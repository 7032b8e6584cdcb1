// feed_forward and swiglu.
#include "ctgpt/layer/mlp.hpp"

#include "layer/layers.hpp"

using namespace ctgpt_test;
using namespace ctgpt::parts;

namespace {

template <activation Kind, bool Bias = true>
using mlp_of = feed_forward<6, 10, Kind, Bias>;

constexpr bool sizes_are_constants() {
  constexpr mlp_of<activation::gelu> plain{};
  constexpr swiglu<6, 10> gated{};
  static_assert(plain.slots().count == 4 && gated.slots().count == 2);
  return plain.slots().size() == 6 * 10 + 10 + 10 * 6 + 6 && plain.tape() == 20 &&
         plain.scratch() == 10 && plain.statistics() == 0 && gated.slots().size() == 6 * 20 + 60 &&
         gated.tape() == 30 && gated.scratch() == 30 && gated.slots()[0].rows == 20 &&
         plain.slots()[0].path[0] == part::up && plain.slots()[1].path[1] == part::bias &&
         plain.slots()[2].path[0] == part::down &&
         plain.slots()[2].start == initializer::residual && plain.input() == 6 &&
         plain.output() == 6;
}
static_assert(sizes_are_constants());
static_assert(std::is_empty_v<mlp_of<activation::gelu>> && std::is_empty_v<swiglu<6, 10>>);

}  // namespace

TEST_CASE("mlp: its sizes are constants") { CHECK(sizes_are_constants()); }

TEST_CASE("mlp: the gradient of every kind equals the complex step") {
  check_layer<mlp_of<activation::gelu>>();
  check_layer<mlp_of<activation::gelu_tanh>>();
  check_layer<mlp_of<activation::relu_squared>>();
  check_layer<mlp_of<activation::gelu, false>>();
  check_layer<mlp_of<activation::relu_squared, false>>();
  check_layer<swiglu<6, 10>>();
  check_layer<swiglu<6, 10, true>>();
  check_layer<swiglu<7, 3>>({.batch = 1, .time = 3});
}

TEST_CASE("mlp: swiglu is silu of the gate times the rest, gate first") {
  layer_run<swiglu<6, 10>> run;
  const std::vector<double> w = run.numbers(run.weights), x = run.numbers(run.x);
  const std::vector<double> gate = affine(x, w.data(), nullptr, 10, 6);
  const std::vector<double> up = affine(x, w.data() + 60, nullptr, 10, 6);
  std::vector<double> h(gate.size());
  for (std::size_t i = 0; i < h.size(); ++i) h[i] = gate[i] / (1.0 + std::exp(-gate[i])) * up[i];
  check_close(run.output(), affine(h, w.data() + 120, nullptr, 6, 10));
}

TEST_CASE("mlp: the plain form is act(x U^T + u) D^T + d") {
  layer_run<mlp_of<activation::relu_squared>> run;
  const std::vector<double> w = run.numbers(run.weights), x = run.numbers(run.x);
  std::vector<double> h = affine(x, w.data(), w.data() + 60, 10, 6);
  for (double& value : h) value = value > 0.0 ? value * value : 0.0;
  check_close(run.output(), affine(h, w.data() + 70, w.data() + 130, 6, 10));
}

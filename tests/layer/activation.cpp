// activate and dropout.
#include "ctgpt/layer/activation.hpp"

#include "layer/layers.hpp"

using namespace ctgpt_test;
using namespace ctgpt::parts;

namespace {

constexpr bool sizes_are_constants() {
  constexpr activate<6, activation::gelu> act{};
  constexpr dropout<6> drop{};
  static_assert(act.slots().count == 0 && drop.slots().count == 0);
  return act.input() == 6 && act.output() == 6 && act.tape() == 0 && act.statistics() == 0 &&
         act.scratch() == 0 && drop.input() == 6 && drop.output() == 6 && drop.tape() == 0;
}
static_assert(sizes_are_constants());
static_assert(std::is_empty_v<activate<6, activation::gelu>> && std::is_empty_v<dropout<6>>);

// act(x) for one number.
template <activation Kind>
double activated(double x) {
  switch (Kind) {
    case activation::gelu:
      return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    case activation::gelu_tanh:
      return 0.5 * x *
             (1.0 +
              std::tanh(std::sqrt(2.0 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    default:
      return x > 0.0 ? x * x : 0.0;
  }
}

template <activation Kind>
void check_formula() {
  layer_run<activate<6, Kind>> run;
  std::vector<double> want = run.numbers(run.x);
  for (double& value : want) value = activated<Kind>(value);
  check_close(run.output(), want);
}

constexpr gradient_options large{.batch = 4, .time = 250, .dropout = 0.25f};

}  // namespace

TEST_CASE("activation: their sizes are constants") { CHECK(sizes_are_constants()); }

TEST_CASE("activation: the gradient of every kind equals the complex step") {
  check_layer<activate<6, activation::gelu>>();
  check_layer<activate<6, activation::gelu_tanh>>();
  check_layer<activate<6, activation::relu_squared>>();
}

TEST_CASE("activation: forward is the formula that its comment states") {
  check_formula<activation::gelu>();
  check_formula<activation::gelu_tanh>();
  check_formula<activation::relu_squared>();
}

TEST_CASE("activation: dropout's gradient equals the complex step, at work and at rest") {
  check_layer<dropout<6>>();
  check_layer<dropout<6>>({.dropout = 0.4f});
  check_layer<dropout<19>>({.batch = 3, .time = 2, .dropout = 0.9f});
}

TEST_CASE("activation: dropout drops its share and keeps the mean") {
  layer_run<dropout<20>> run(large);
  const std::vector<double> x = run.numbers(run.x), y = run.output();
  double kept = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (y[i] == 0.0) continue;
    ++kept;
    REQUIRE(y[i] == doctest::Approx(x[i] / 0.75).epsilon(1e-12));
  }
  // 20,000 draws: a deviation of 0.0031, so four of them.
  CHECK(kept / static_cast<double>(x.size()) == doctest::Approx(0.75).epsilon(0.0165));
}

TEST_CASE("activation: the backward pass repeats the mask of the forward pass") {
  layer_run<dropout<20>> run(large);
  const std::vector<double> y = run.output(), dy = run.numbers(run.dy);
  run.backward();
  const std::vector<double> dx = run.numbers(run.dx);
  for (std::size_t i = 0; i < y.size(); ++i) REQUIRE((dx[i] == 0.0) == (y[i] == 0.0));
  CHECK(dx != dy);
}

TEST_CASE("activation: without training dropout changes nothing") {
  layer_run<dropout<20>> run({.batch = 2, .time = 5});
  CHECK(run.output() == run.numbers(run.x));
}

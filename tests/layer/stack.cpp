// stack: equal layers by a loop over strided parameters and tape.
#include "ctgpt/layer/stack.hpp"

#include <array>

#include "ctgpt/layer/activation.hpp"
#include "ctgpt/layer/mlp.hpp"
#include "ctgpt/layer/norm.hpp"
#include "ctgpt/layer/repeat.hpp"
#include "layer/layers.hpp"

using namespace ctgpt_test;
using namespace ctgpt::parts;

namespace {

using unit = chain<residual<layer_norm<4>, feed_forward<4, 6, activation::gelu>>, rms_norm<4>>;

constexpr bool sizes_are_constants() {
  constexpr stack<unit> three{3}, one{1};
  constexpr isize tape = unit{}.tape();
  return three.count() == 3 && three.tape(true) == 3 * tape + 2 * 4 &&
         three.tape(false) == tape + 2 * 4 && one.tape(true) == tape &&
         three.statistics(true) == 3 * 4 && three.statistics(false) == 4 &&
         three.scratch() == 2 * 4 + unit{}.scratch();
}
static_assert(sizes_are_constants());

// The body of a model as a layer, so that the complex step can be asked.
template <int Count, class Layer>
struct body_of : repeat<Count, Layer> {
  static constexpr isize in_width = Layer::in_width;
  static constexpr stack<Layer> body{Count};
  void forward(ops& run, const frame& f, rows<in_width> x, rows<in_width> y) const {
    body.forward(run, f, x, y);
  }
  void backward(ops& run, const frame& f, rows<in_width> x, rows<in_width> dy,
                rows<in_width> dx) const {
    announced.clear();
    pass watched = *f.shared;
    watched.gradient_owner = &announced;
    watched.gradient_ready = [](void* owner, isize begin, isize end) {
      static_cast<decltype(announced)*>(owner)->push_back({begin, end});
    };
    frame inner = f;
    inner.shared = &watched;
    body.backward(run, inner, x, dy, dx, 1000);
  }
  static inline std::vector<std::array<isize, 2>> announced;
};

// Notes what it was told about its place.
struct numbered : plain_layer<4> {
  void forward(ops& run, const frame& f, rows<4> x, rows<4> y) const {
    order.push_back(f.layer);
    sites.push_back(f.site);
    run.copy(y, x);
  }
  void backward(ops& run, const frame& f, rows<4>, rows<4> dy, rows<4> dx) const {
    order.push_back(f.layer);
    sites.push_back(f.site);
    run.copy(dx, dy);
  }
  static inline std::vector<isize> order;
  static inline std::vector<std::uint32_t> sites;
};

}  // namespace

TEST_CASE("stack: its sizes are constants") { CHECK(sizes_are_constants()); }

TEST_CASE("stack: the gradient equals the complex step for any count") {
  check_layer<body_of<1, unit>>({.batch = 2, .time = 3});
  check_layer<body_of<2, unit>>({.batch = 2, .time = 3});
  check_layer<body_of<3, unit>>({.batch = 2, .time = 3, .dropout = 0.3f});
  check_layer<body_of<4, unit>>({.batch = 1, .time = 3});
}

TEST_CASE("stack: equals the chain of its layers") {
  check_same_bits<body_of<3, unit>, chain<unit, unit, unit>>();
}

TEST_CASE("stack: without training the layers share one tape, with the same result") {
  constexpr stack<unit> body{5};
  constexpr isize n = 3, size = unit{}.slots().size();
  const backend where = reference<double>{};
  memory weights(where, element::f64, 5 * size), x(where, element::f64, 4 * n);
  memory y(where, element::f64, 4 * n), scratch(where, element::f64, n * body.scratch());
  auto* drawn = static_cast<double*>(weights.data());
  random_stream numbers(5);
  for (isize i = 0; i < weights.count(); ++i) drawn[i] = numbers.normal();
  for (isize i = 0; i < x.count(); ++i) static_cast<double*>(x.data())[i] = numbers.normal();
  std::vector<tensor> slots;
  isize offset = 0;
  for (int i = 0; i < 5 * unit::slot_count; ++i) {
    const slot item = unit{}.slots()[i % unit::slot_count];
    slots.push_back(weights.matrix(offset, item.rows, item.cols));
    offset += item.size();
  }
  const auto run_with = [&](bool training) {
    memory tape(where, element::f64, n * body.tape(training));
    memory statistics(where, element::f64, n * body.statistics(training));
    pass shared;
    shared.training = training;
    frame f;
    f.shared = &shared;
    f.weights = slots.data();
    f.tape = static_cast<std::byte*>(tape.data());
    f.statistics = static_cast<std::byte*>(statistics.data());
    f.scratch = static_cast<std::byte*>(scratch.data());
    f.storage = f.compute = element::f64;
    f.batch = 1;
    f.time = n;
    ops run(where);
    body.forward(run, f, {x.matrix(0, n, 4)}, {y.matrix(0, n, 4)});
    const auto* values = static_cast<const double*>(y.data());
    return std::vector<double>(values, values + y.count());
  };
  const std::vector<double> kept = run_with(true);
  CHECK(run_with(false) == kept);
  CHECK(kept[0] != 0.0);
}

TEST_CASE("stack: every layer's gradients are announced once, the last layer first") {
  layer_run<body_of<3, unit>> run;
  run.forward();
  run.backward();
  constexpr isize size = unit{}.slots().size();
  const std::vector<std::array<isize, 2>> want{
      {1000 + 2 * size, 1000 + 3 * size}, {1000 + size, 1000 + 2 * size}, {1000, 1000 + size}};
  CHECK(body_of<3, unit>::announced == want);
}

TEST_CASE("stack: a layer knows its number, and backward has the forward pass's sites") {
  numbered::order.clear();
  numbered::sites.clear();
  layer_run<body_of<4, numbered>> run;
  run.forward();
  run.backward();
  CHECK(numbered::order == std::vector<isize>{0, 1, 2, 3, 3, 2, 1, 0});
  const std::vector<std::uint32_t>& sites = numbered::sites;
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(sites[i] == sites[7 - i]);
    for (std::size_t j = 0; j < i; ++j) CHECK(sites[i] != sites[j]);
  }
}

// chain, residual and named: layers composed into layers, and a layer of one's own among them.
#include "ctgpt/layer/chain.hpp"

#include "ctgpt/layer/activation.hpp"
#include "ctgpt/layer/mlp.hpp"
#include "ctgpt/layer/norm.hpp"
#include "layer/layers.hpp"

using namespace ctgpt_test;
using namespace ctgpt::parts;

namespace {

// A layer that the library does not have: y = a(x) + b(x), written as the header's own are.
template <class A, class B>
struct parallel {
  static constexpr isize in_width = A::in_width, out_width = A::out_width;
  static_assert(B::in_width == in_width && B::out_width == out_width);
  constexpr isize input() const { return a.input(); }
  constexpr isize output() const { return a.output(); }
  static constexpr int slot_count = A::slot_count + B::slot_count;
  constexpr auto slots() const {
    return a.slots().within(part::first) + b.slots().within(part::second);
  }
  constexpr isize tape() const { return a.tape() + b.tape() + output(); }
  constexpr isize statistics() const { return a.statistics() + b.statistics(); }
  constexpr isize scratch() const {
    return input() + (a.scratch() > b.scratch() ? a.scratch() : b.scratch());
  }
  void forward(ops& run, const frame& f, rows<in_width> x, rows<out_width> y) const {
    const auto other = f.kept<out_width>(a.tape() + b.tape());
    a.forward(run, first(f), x, y);
    b.forward(run, second(f), x, other);
    run.add(y, y, other);
  }
  void backward(ops& run, const frame& f, rows<in_width> x, rows<out_width> dy,
                rows<in_width> dx) const {
    const auto other = f.temporary<in_width>(0);
    a.backward(run, first(f), x, dy, dx);
    b.backward(run, second(f), x, dy, other);
    run.add(dx, dx, other);
  }

 private:
  frame first(const frame& f) const { return f.child(0, 0, 0, 0).skip_scratch(input()); }
  frame second(const frame& f) const {
    return f.child(1, A::slot_count, a.tape(), a.statistics()).skip_scratch(input());
  }
  [[no_unique_address]] A a{};
  [[no_unique_address]] B b{};
};

using widen = linear<5, 9>;
using narrow = linear<9, 5, false>;
using act = activate<9, activation::gelu>;
using branch =
    chain<named<normalize, rms_norm<5>>, named<first, widen>, act, named<second, narrow>>;

constexpr bool offsets_are_sums() {
  constexpr branch whole{};
  constexpr residual<branch> around{};
  static_assert(whole.slots().count == 4 && branch::slot_count == 4);
  return whole.input() == 5 && whole.output() == 5 && whole.slots().size() == 5 + 54 + 45 &&
         whole.tape() == 5 + 9 + 9 &&  // the outputs between the layers
         whole.statistics() == 2 && whole.scratch() == 2 * 9 && around.scratch() == 5 + 2 * 9 &&
         around.tape() == whole.tape() && around.slots().size() == whole.slots().size() &&
         chain<widen>{}.tape() == 0 && chain<widen>{}.scratch() == 0 &&
         chain<widen, narrow>{}.scratch() == 9;
}
static_assert(offsets_are_sums());

constexpr bool names_nest() {
  constexpr auto slots = named<mlp, residual<branch>>{}.slots();
  return slots[0].path[0] == part::mlp && slots[0].path[1] == part::normalize &&
         slots[0].path[2] == part::gain && slots[1].path[1] == part::first &&
         slots[2].path.ends_with(part::bias) && slots[3].path[1] == part::second &&
         slots[3].path.depth == 3;
}
static_assert(names_nest());

// Composites of layers without sizes of their own have none either.
static_assert(std::is_empty_v<branch> && std::is_empty_v<residual<branch>>);
static_assert(std::is_empty_v<named<mlp, residual<branch>>>);
static_assert(std::is_empty_v<parallel<branch, branch>>);
// Two members of one type have two addresses, so this one only has no data.
static_assert(std::is_empty_v<chain<narrow, widen, narrow, widen>>);

static_assert(follows<2, widen, shape<5>, shape<5>> && !follows<2, widen, shape<5>, shape<6>>);

}  // namespace

TEST_CASE("chain: sizes, offsets and names are constants") {
  CHECK(offsets_are_sums());
  CHECK(names_nest());
}

TEST_CASE("chain: the gradient equals the complex step for one layer and for many") {
  check_layer<chain<widen>>();
  check_layer<chain<widen, narrow>>();
  check_layer<chain<narrow, widen, narrow>>();
  check_layer<chain<widen, act, narrow, widen>>();
  check_layer<branch>();
  check_layer<chain<linear<3, 8>, linear<8, 2>, linear<2, 13>, linear<13, 1>, linear<1, 4>>>();
}

TEST_CASE("chain: chains nest") {
  check_layer<chain<chain<widen, act>, chain<narrow, rms_norm<5>, widen>, narrow>>();
  check_layer<chain<feed_forward<5, 7, activation::gelu>, chain<layer_norm<5>, swiglu<5, 4>>>>();
}

TEST_CASE("chain: a residual adds its input, with dropout and without") {
  check_layer<residual<branch>>();
  check_layer<residual<branch>>({.dropout = 0.4f});
  check_layer<chain<residual<branch>, residual<layer_norm<5>, swiglu<5, 3>>>>({.dropout = 0.2f});
  check_layer<residual<residual<branch>, dropout<5>>>({.dropout = 0.3f});

  layer_run<branch> inner;
  layer_run<residual<branch>> outer;  // the same random numbers
  std::vector<double> want = inner.output();
  const std::vector<double> x = inner.numbers(inner.x);
  for (std::size_t i = 0; i < want.size(); ++i) want[i] += x[i];
  CHECK(outer.output() == want);
}

TEST_CASE("chain: two dropouts of a chain draw two masks") {
  using twice = chain<dropout<9>, dropout<9>>;
  check_layer<twice>({.dropout = 0.5f});
  layer_run<twice> run({.batch = 10, .time = 50, .dropout = 0.5f});
  const std::vector<double> y = run.output();
  double kept = 0.0;
  for (const double value : y) kept += value != 0.0 ? 1.0 : 0.0;
  // One mask twice would keep a half; two masks keep a quarter (4,500 draws, four deviations).
  CHECK(kept / static_cast<double>(y.size()) == doctest::Approx(0.25).epsilon(0.11));
}

TEST_CASE("chain: a layer of one's own composes with the others") {
  using mixed = parallel<branch, feed_forward<5, 4, activation::gelu_tanh>>;
  static_assert(mixed{}.slots()[4].path[0] == part::second);
  check_layer<mixed>();
  check_layer<residual<layer_norm<5>, mixed>>({.dropout = 0.2f});
  check_layer<chain<mixed, parallel<mixed, named<third, rms_norm<5>>>>>();
}
